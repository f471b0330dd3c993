"""Changes between two campaigns or revisions, and the gate that they stop."""
