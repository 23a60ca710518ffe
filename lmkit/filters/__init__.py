"""Quality filters: signals of a document, rules, and the judge that applies them."""
