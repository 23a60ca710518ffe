"""`lmkit clean`."""
