"""How work is shared out, and what a person sees meanwhile."""
