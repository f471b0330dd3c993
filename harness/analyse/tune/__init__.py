"""What a tune found."""
