"""The commands. Stages never import one another; they meet in folders and manifests."""
