"""Who gets which arm of an experiment, and what it proves. Pure: no store, no clock, no dice of its own."""
