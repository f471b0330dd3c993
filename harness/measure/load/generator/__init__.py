"""Drivers fire a window's schedule at a server and return one record for every request."""
