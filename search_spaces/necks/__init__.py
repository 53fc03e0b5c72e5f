"""Necks: pyramid -> pyramid, between encoder and decoder."""
