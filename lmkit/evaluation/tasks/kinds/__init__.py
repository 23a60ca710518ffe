"""The kinds of tasks. A new one is a file here, and a line in the registry."""
