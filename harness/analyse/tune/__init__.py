"""The results of a tune."""
