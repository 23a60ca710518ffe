"""`lmkit report`."""
