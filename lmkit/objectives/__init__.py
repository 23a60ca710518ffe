"""Objectives: sequences in; out, what the model reads and what it must predict."""
