"""`lmkit train-classifier`."""
