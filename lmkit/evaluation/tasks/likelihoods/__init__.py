"""How likely each kind of model finds a continuation of a context."""
