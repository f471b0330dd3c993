"""What changed, as a page and as text."""
