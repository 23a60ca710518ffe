"""Causal language modelling, and fill in the middle."""
