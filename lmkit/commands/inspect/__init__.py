"""`lmkit inspect`."""
