"""Containers: the engine, what is built for it, and what the kernel tells of what runs in it."""
