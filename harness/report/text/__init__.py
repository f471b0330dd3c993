"""What the formats other than the page share."""
