"""Train and serve: a batch stage, a service stage, and a front that hands over between versions."""
