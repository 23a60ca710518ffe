"""`lmkit pack`."""
