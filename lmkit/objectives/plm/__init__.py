"""Permutation language modelling."""
