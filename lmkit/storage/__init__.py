"""Bytes: ranges of files, compressed members, lines, remote files, atomic writes."""
