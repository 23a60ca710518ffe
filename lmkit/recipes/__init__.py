"""Published recipes: the options of `clean` and `dedup` with which known data sets were made."""
