"""For every test: no settings of the user's own, the same examples on every run, no deadlines."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("harness", deadline=None, derandomize=True, database=None)
settings.load_profile("harness")


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HARNESS_"):
            monkeypatch.delenv(name)
