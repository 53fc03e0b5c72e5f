"""Skip connections: (encoder feature, upsampled feature) -> feature."""
