"""Search spaces: closed lists of what may be chosen, one file each."""
