"""`lmkit pretrain`."""
