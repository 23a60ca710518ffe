"""Tables, JSON and what else holds records with fields."""
