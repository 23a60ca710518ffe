"""Optimizers: a file each, and a registry of their names."""
