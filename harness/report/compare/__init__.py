"""Changes as a page and as text."""
