"""`lmkit export`."""
