"""The runs of a tune: which setting is next, and its measurement."""
