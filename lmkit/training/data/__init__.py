"""Which sequences a training step reads, in which order."""
