"""From tokens to sequences: token shards, row index, hold-out split, sanity limits."""
