"""`lmkit eval`."""
