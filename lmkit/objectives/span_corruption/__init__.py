"""Span corruption."""
