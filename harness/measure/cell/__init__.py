"""One variant on one benchmark, from start to stop."""
