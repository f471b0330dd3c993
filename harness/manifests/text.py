"""Manifests as YAML, as one would write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from harness.manifests.apis import Manifest


class _Written(yaml.SafeDumper):
    """Without anchors, and with a text of several lines as it is."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _written_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Written.add_representer(str, _written_text)


def document(made: Manifest) -> str:
    """One object."""
    return yaml.dump(made, Dumper=_Written, sort_keys=False, width=1000, allow_unicode=True)


def documents(made: Sequence[Manifest], remarks: Iterable[str] = ()) -> str:
    """Several objects, with remarks before the first."""
    head = "".join(f"# {each}\n" for each in remarks)
    return head + "---\n".join(document(each) for each in made)
