"""What is deployed: the app of servers/fastapi as a function, for whoever asks by HTTP."""

from __future__ import annotations

from app import app as fastapi_app
from azure.functions import AsgiFunctionApp, AuthLevel

app = AsgiFunctionApp(app=fastapi_app, http_auth_level=AuthLevel.ANONYMOUS)
