"""What an export folder carries word for word. Nothing here may import this package."""
