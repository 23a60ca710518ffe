"""MediaWiki's markup: what a reader sees of a page, from the page alone."""
