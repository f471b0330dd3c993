"""The service of servers/bentoml, behind Mangum as bentoctl's operator for Lambda had it."""

from __future__ import annotations

import steps
from app import Plain
from asgi_handler import handler_of

handler = steps.handled(handler_of(Plain.to_asgi()))
