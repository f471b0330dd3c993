"""One run by itself: metrics, findings, capacity."""
