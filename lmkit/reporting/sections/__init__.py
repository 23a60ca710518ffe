"""The sections of the page: a new one is a file here and a line in registry.py."""
