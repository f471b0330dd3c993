"""The harness's own locks: those of more hold all that those of less do, in the same version."""

from __future__ import annotations

import re

import pytest

from harness.base import paths
from tests.contract import locks

WIDER = [
    "requirements-frames.txt",
    "requirements-kubernetes.txt",
    "requirements-locust.txt",
    "requirements-dev.txt",
]


def versions(name: str) -> set[str]:
    """What is pinned, `name==version`."""
    text = (paths.PROJECT / name).read_text(encoding="utf-8")
    return set(re.findall(r"^[A-Za-z0-9._-]+==[^ ;\\\n]+", text, re.MULTILINE))


@pytest.mark.parametrize("name", WIDER)
def test_a_wider_lock_holds_the_narrower(name: str) -> None:
    assert versions("requirements.txt") <= versions(name)
    assert locks.without_hash(paths.PROJECT / name) == set()
