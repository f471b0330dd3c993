"""Statistics of samples, which know of no server."""
