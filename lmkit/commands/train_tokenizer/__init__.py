"""`lmkit train-tokenizer`."""
