"""How servers come up, are found ready, and go away."""
