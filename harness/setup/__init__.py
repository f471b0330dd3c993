"""What there is to measure, as files and options describe it."""
