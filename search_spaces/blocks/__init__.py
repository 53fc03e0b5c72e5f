"""Blocks, one file each, named as in their papers: (x, width) -> width channels."""
