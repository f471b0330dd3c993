"""The cluster that the tests bring up is one."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.cluster


def test_its_node_is_ready(core: Any) -> None:
    (node,) = core.list_node().items
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"
