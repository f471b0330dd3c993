"""The records of a window, and results that follow from its columns alone."""
