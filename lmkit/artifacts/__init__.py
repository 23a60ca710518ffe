"""Folders that can be trusted: plans, receipts, manifests, and the files between them."""
