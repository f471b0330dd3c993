"""How servers are started, become ready, and are stopped."""
