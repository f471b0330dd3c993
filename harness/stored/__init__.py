"""Campaigns and runs as records and files: all that the two halves share."""
