"""`lmkit dedup`."""
