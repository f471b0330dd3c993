"""Headers that a user gives. Secrets stay in the environment: a header names the variable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from string import Template

from harness.base import header_names, secrecy
from harness.base.errors import UsageError
from harness.setup.endpoints import Headers

_SECRET = re.compile(r"auth|cookie|key|secret|token|password", re.IGNORECASE)


def given(texts: Iterable[str]) -> Headers:
    """Name and value of each `Name: value`, in their order, repeated ones too, `$VARIABLES` left
    as they are. Raises UsageError."""
    return tuple(_pair(text) for text in texts)


def require_no_secret(templates: Headers) -> None:
    """Refuse a secret in a stored header. Raises UsageError."""
    for name, value in templates:
        if _SECRET.search(name) and "$" not in value:
            raise UsageError(
                f"The header {name!r} looks like a secret, which would be stored and shown to "
                f"everybody who lists processes. Put it into an environment variable and write: "
                f"--header '{name}: $VARIABLE'."
            )


def filled(templates: Headers) -> Headers:
    """The headers with the variables' values. Raises UsageError for one that is not set."""
    known = {variable: text for variable, text in os.environ.items() if text}
    return tuple((name, _value(name, template, known)) for name, template in templates)


def over(own: Headers, users: Headers) -> Headers:
    """The user's headers, and of the tool's own those that the user gives none of: names are the
    same in any case."""
    named = {name.lower() for name, _ in users}
    return (*((name, value) for name, value in own if name.lower() not in named), *users)


def _value(name: str, template: str, known: dict[str, str]) -> str:
    try:
        value = Template(template).substitute(known)
        used = [each for each in Template(template).get_identifiers() if each in known]
    except KeyError as error:
        raise UsageError(
            f"The header {name!r} needs the variable {error}, which is not set, or empty."
        ) from error
    except ValueError as error:
        raise UsageError(f"The header {name!r}: write a lone $ as $$.") from error
    for variable in used:
        secrecy.keep(known[variable], f"${variable}")
        _require_sendable(
            known[variable], f"The variable {variable!r}, value of the header {name!r},"
        )
    _require_sendable(value, f"The value of the header {name!r}")
    return value


def _require_sendable(value: str, what: str) -> None:
    """Raises UsageError, which does not tell the value, for what can't stand in a header."""
    bad = next((c for c in value if not c.isascii() or not c.isprintable()), None)
    if bad is None:
        return
    kind = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}.get(bad)
    kind = kind or ("a control character" if bad.isascii() else "a letter beyond ASCII")
    where = " at its end" if not value.rstrip(bad).count(bad) and value.endswith(bad) else ""
    raise UsageError(f"{what} holds {kind}{where}, which can't stand in a request. Remove it.")


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not colon or not name:
        # Not the text: it may be nothing but a secret, whose name was forgotten.
        raise UsageError("What was given by --header is not of the form 'Name: value'.")
    if why := header_names.why_not(name):
        raise UsageError(f"{why}.")
    return name, value
