"""`lmkit pipeline`."""
