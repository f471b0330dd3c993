"""What a window leaves behind, and what both halves work out from its columns alone."""
