"""Fusions: features of one size -> one feature."""
