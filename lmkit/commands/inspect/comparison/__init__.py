"""In what two folders of the same command differ."""
