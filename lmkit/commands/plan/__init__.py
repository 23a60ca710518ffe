"""`lmkit plan`: a model, a batch and a number of steps for some hours, and what they will reach."""
