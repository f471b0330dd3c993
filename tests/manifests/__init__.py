"""Manifests: what they hold, and whether those who take them would."""
