"""The list of all campaigns."""
