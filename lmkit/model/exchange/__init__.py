"""Models in the form of Transformers, written and read."""
