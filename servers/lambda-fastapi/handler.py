"""The app of servers/fastapi, behind Mangum."""

from __future__ import annotations

import steps
from app import app
from asgi_handler import handler_of

handler = steps.handled(handler_of(app))
