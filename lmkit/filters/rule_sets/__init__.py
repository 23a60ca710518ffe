"""The rule sets: a file each, with its options, its signals and its rules."""
