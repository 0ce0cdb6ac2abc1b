"""What the shop knows, written for people to look at. One page a module; terminals and JSON are the cli's."""
