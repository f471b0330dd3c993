"""What must exist before a server can start: environments, artefacts, weights."""
