"""When a server predicts: a declaration, since a server that answers from a cache unseen is not
ranked."""

from __future__ import annotations

from typing import Literal

Answering = Literal["predicted", "stored"]
PREDICTED: Answering = "predicted"  # on each request
STORED: Answering = "stored"  # all known inputs before the first request; others are misses
Missing = Literal["computed", "refused"]
COMPUTED: Missing = "computed"  # on request, and kept
REFUSED: Missing = "refused"  # with an HTTP status of 404
