"""The HTML report of a stored campaign: one self-contained file, from the result files alone."""
