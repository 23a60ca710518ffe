"""Personally identifiable information (PII): detectors and replacement."""
