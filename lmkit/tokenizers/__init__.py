"""Tokenizers: training, pre-tokenization, import, report."""
