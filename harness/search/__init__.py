"""Searches as pure functions: for the highest rate at an SLO, and for the best setting."""
