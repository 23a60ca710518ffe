"""Clusters of near-duplicates: how they are found, and how large they are."""
