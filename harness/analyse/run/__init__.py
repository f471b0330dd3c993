"""What one run says by itself: metrics, findings, capacity."""
