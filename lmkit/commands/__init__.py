"""The commands: a folder each, with its options and its run."""
