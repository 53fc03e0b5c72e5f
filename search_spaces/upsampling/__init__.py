"""Upsampling: (x, reference, width) -> a map of the reference's size."""
