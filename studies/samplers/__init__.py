"""What proposes the next network: one file each, made by name in `making.py`."""
