"""Benchmarks: task files, the prompts that are made of them, and the scores of a model."""
