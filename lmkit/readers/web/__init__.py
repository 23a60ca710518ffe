"""Web pages: their character set, formulas, visible text and main content."""
