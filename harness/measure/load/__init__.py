"""How load is made: generator processes, on this machine or on many."""
