"""How a server is asked: requests, connections of control, the judging of answers."""
