"""Preparation before a server can start: environments, artefacts, weights."""
