"""What changed between two campaigns or revisions, and when that stops a gate."""
