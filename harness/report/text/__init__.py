"""The common part of the formats other than the page."""
