"""Conversion to and from Transformers."""
