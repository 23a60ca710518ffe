"""Captions of films and talks: their cues, and the text of them."""
