"""What needs a Kubernetes cluster."""
