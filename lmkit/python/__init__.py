"""What only Python has: commands that take records, loaded models, documented options."""
