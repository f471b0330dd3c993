"""The mistake of several tutorials: the app's lifespan runs around each request, and loads the
model in it. All else is as in handler.py."""

from __future__ import annotations

import steps
from app import app
from mangum import Mangum

handler = steps.handled(Mangum(app))
