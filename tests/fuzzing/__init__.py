"""Damaged and hostile files, given to every command that reads them back."""
