"""Files that hold files, or cells."""
