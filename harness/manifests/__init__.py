"""Kubernetes objects of a served variant, as plain data: what one would apply, and what is measured
in a cluster."""
