"""Stems and downsampling: (x, width) -> a map, usually half the size."""
