"""Context modules: (x, width) -> width channels that see further than one convolution."""
