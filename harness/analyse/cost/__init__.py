"""What predictions cost on rented machines."""
