"""Token mixers, what a MetaFormer block looks around with: (x, width) -> width channels."""
