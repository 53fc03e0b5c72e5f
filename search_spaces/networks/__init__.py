"""Published networks as exact points: defaults plus fixings, one file per paper."""
