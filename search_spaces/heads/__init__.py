"""Heads: features -> logits, one per feature."""
