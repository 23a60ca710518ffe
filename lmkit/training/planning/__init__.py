"""Estimates before a run: memory, time, micro-batch size."""
