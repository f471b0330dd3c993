"""The HTML report of a stored campaign: one self-contained file, made from the result files alone."""
