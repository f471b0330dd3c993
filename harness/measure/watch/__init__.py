"""Observation beside the load: processes, the host, the GPU, energy."""
