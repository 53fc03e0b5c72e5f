"""Attention modules: (x, width) -> width channels, each place and channel weighted by what the map holds.

They fill every slot of that signature: blocks (`attended`), contexts and, through `attended_skip`, skips.
"""
