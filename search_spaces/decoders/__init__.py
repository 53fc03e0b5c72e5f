"""Decoders: pyramid -> features; the first one counts, or the one that `Outputs` names."""
