"""A whole campaign: what is planned, proved and asked before its cells, and their order."""
