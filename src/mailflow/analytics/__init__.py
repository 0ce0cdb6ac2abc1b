"""Sums: pure, data in, data out. No store, network, clock or terminal. What reads and keeps them: store, scoring."""
