"""The law of queues: what service times say of response times."""
