"""Variants beside each other: ranks, ties, what is decided, why one is slower."""
