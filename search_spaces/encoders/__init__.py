"""Encoders: image -> pyramid of features, finest first."""
