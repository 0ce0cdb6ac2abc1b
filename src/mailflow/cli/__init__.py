"""The terminal door: one file per command, each of which parses, opens the workspace, makes one call and prints."""
