"""The origin of a server's answers, as its server.toml declares it: answers are judged by it."""

from __future__ import annotations

from typing import Literal

Answering = Literal["predicted", "stored", "approximate"]
PREDICTED: Answering = "predicted"  # by the model, for each request
STORED: Answering = "stored"  # predicted before, and looked up: a cache by intention
# Some by a smaller model, which says so of each: they need be no more than predictions, and how
# many of them are right is counted.
APPROXIMATE: Answering = "approximate"
Missing = Literal["computed", "refused"]
COMPUTED: Missing = "computed"  # on request, and kept
REFUSED: Missing = "refused"  # with an HTTP status of 404
