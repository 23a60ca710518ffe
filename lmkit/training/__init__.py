"""Everything between a batch of rows and a finished run."""
