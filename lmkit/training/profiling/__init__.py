"""Profiles of some steps of a run."""
