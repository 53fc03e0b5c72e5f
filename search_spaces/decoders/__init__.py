"""Decoders: pyramid -> features, the one that counts first."""
