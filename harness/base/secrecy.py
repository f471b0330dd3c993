"""Secret values: each is replaced by the name of its variable wherever text leaves the harness.

Known secrets came from an environment variable or a URL. A server may repeat a secret in an
answer, and a library in an exception, so every error's sentence goes through `conceal`, and every
line for a terminal.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from html import escape
from urllib.parse import quote, unquote

_SHORTEST = 6  # a shorter value stands in many a word, and to replace it would tell it
_USER = re.compile(r"(?<=//)[^/?#]*@")
_KNOWN: dict[str, str] = {}  # what stands for each value


def keep(value: str, name: str) -> None:
    """Conceal a value from now on, in the forms that it takes on its way: `name` stands for it."""
    for form in forms(value):
        if len(form) >= _SHORTEST:
            _KNOWN[form] = name


def forms(value: str) -> set[str]:
    """A value as it may stand in a text: in JSON, in a URL, or in HTML too."""
    escaped = (json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe=""), escape(value))
    return {value, value.strip(), *escaped}


def keep_user(userinfo: str) -> None:
    """Conceal the user and password of a URL, also as the header that they become."""
    if not userinfo:
        return
    plain = unquote(userinfo)
    pair = plain if ":" in plain else f"{plain}:"
    password = plain.partition(":")[2]
    for value in (userinfo, plain, b64encode(pair.encode()).decode()):
        keep(value, "***")
    if password:
        keep(password, "***")


def conceal(text: str) -> str:
    """The text with names in place of values that are known to be secret."""
    for value in sorted(_KNOWN, key=len, reverse=True):
        text = text.replace(value, _KNOWN[value])
    return text


def beginning(text: str, most: int) -> str:
    """The beginning of a text of others: a value that its end would cut in two is concealed first,
    as its first half alone would not be known again."""
    return conceal(text)[:most]


def shown(url: str) -> str:
    """A URL fit to be printed: without the user and the password in it."""
    return _USER.sub("", url)
