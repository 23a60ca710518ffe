"""`lmkit completion`."""
