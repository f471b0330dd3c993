"""The cost of predictions on rented machines."""
