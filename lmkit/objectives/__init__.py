"""Objectives: rows in, what the model sees and what it must say out."""
