"""Headers that a user gives. Secrets stay in the environment: a header names the variable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from string import Template

from harness.errors import UsageError

_SECRET = re.compile(r"auth|cookie|key|secret|token|password", re.IGNORECASE)


def given(texts: Iterable[str]) -> dict[str, str]:
    """Name and value of each `Name: value`, `$VARIABLES` left as they are. Raises UsageError."""
    return dict(_pair(text) for text in texts)


def require_no_secret(templates: Mapping[str, str]) -> None:
    """What is stored must not hold a secret. Raises UsageError."""
    for name, value in templates.items():
        if _SECRET.search(name) and "$" not in value:
            raise UsageError(
                f"The header {name!r} looks like a secret, which would be stored and shown to "
                f"everybody who lists processes. Put it into an environment variable and write: "
                f"--header '{name}: $VARIABLE'."
            )


def filled(templates: Mapping[str, str]) -> dict[str, str]:
    """The headers with the variables' values. Raises UsageError for one that is not set."""
    found = {}
    for name, value in templates.items():
        try:
            found[name] = Template(value).substitute(os.environ)
        except KeyError as error:
            raise UsageError(f"The header {name!r} needs the variable {error}, not set.") from error
        except ValueError as error:
            raise UsageError(f"The header {name!r}: write a lone $ as $$.") from error
    return found


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is not a header of the form 'Name: value'.")
    return name.strip(), value.strip()
