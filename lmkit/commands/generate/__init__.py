"""`lmkit generate`."""
