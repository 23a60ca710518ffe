"""Input and output folders: plans, tasks, receipts, manifests, and the files that they describe."""
