"""Requests of any schema: a template with `$instance` in it, and where the answer's prediction is.

`$instance` stands for the instance, `$instances` for a list of all that a request carries, `$id`
for the number of the payload, `${EXPRESSION}` for a part of those by JMESPath, `$$` for a dollar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from pydantic import Field, field_validator, model_validator

from harness.base import header_names, toml
from harness.base.errors import UsageError
from harness.base.secrecy import beginning

KNOWN = ("instance", "instances", "id")
_PLACEHOLDER = re.compile(r"\$(?:(\$)|\{([^{}]*)\}|([A-Za-z_]\w*))")
_QUOTE = re.compile(r'\\.|"')
_NOT_IN_A_PATH = re.compile(r"[^!-~]|#")
_JSON = "application/json"
_SAID = 200  # characters of an error's text


class RequestTable(toml.Strict):
    """An endpoint.toml, or `[variant.request]` of a server.toml."""

    method: str = Field(default="", pattern=r"^[A-Z]*$")  # empty: GET without a body, else POST
    path: str = Field(default="", pattern=r"^(/.*)?$")  # after that of the URL; empty: that one
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    prediction: str = "@"  # JMESPath into the JSON of the answer
    id: str | None = None  # the same, of the payload's number

    @field_validator("prediction", "id")
    @classmethod
    def _is_expression(cls, value: str | None) -> str | None:
        if value is not None:
            compiled(value)
        return value

    @field_validator("path")
    @classmethod
    def _can_stand_in_a_request(cls, value: str) -> str:
        if _NOT_IN_A_PATH.search(_PLACEHOLDER.sub("", value)):
            raise ValueError("write spaces, # and letters beyond ASCII as %20 and the like")
        return value

    @field_validator("method")
    @classmethod
    def _can_be_sent(cls, value: str) -> str:
        if value == "CONNECT":
            raise ValueError("CONNECT can't be sent: it makes another connection of this one")
        return value

    @field_validator("headers")
    @classmethod
    def _may_be_given(cls, value: dict[str, str]) -> dict[str, str]:
        for why in filter(None, map(header_names.why_not, value)):
            raise ValueError(why)
        return value

    @model_validator(mode="after")
    def _can_be_filled(self) -> RequestTable:
        names = {name for text in self.texts for name in _names(text)}
        if not names & {"instance", "instances"}:
            raise ValueError(
                "no $instance in its path, query or body: all requests would be the same"
            )
        if self.id is not None and "id" not in names:
            raise ValueError("'id' needs $id in the request, which has none")
        if self.body is not None and self.content_type == _JSON:
            made = filled(self.body, None, as_json)
            try:
                json.loads(made)
            except ValueError as error:
                raise ValueError(
                    f"its body is not JSON once $instance is filled in: {error}; for another form, "
                    "say so by a header Content-Type"
                ) from error
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that placeholders may stand in."""
        return (self.path, *self.query.values(), self.body or "")

    @property
    def together(self) -> bool:
        """Whether it carries a list of instances, and its answer one of predictions."""
        return any("instances" in _names(text) for text in self.texts)

    @property
    def content_type(self) -> str:
        """The content type of the body, without parameters."""
        named = (value for name, value in self.headers.items() if name.lower() == "content-type")
        return next(named, _JSON).partition(";")[0].strip().lower()

    @property
    def verb(self) -> str:
        """The method."""
        return self.method or ("GET" if self.body is None else "POST")

    def path_of(self, known: Mapping[str, Any]) -> str:
        """The path, filled."""
        return filled(self.path, known, _in_path)

    def query_of(self, known: Mapping[str, Any]) -> str:
        """The query with its question mark; empty where there is none."""
        pairs = {name: filled(text, known, _as_it_is) for name, text in self.query.items()}
        return f"?{urlencode(pairs, errors='surrogatepass')}" if pairs else ""

    def body_of(self, known: Mapping[str, Any]) -> bytes:
        """The body, filled as its type asks for."""
        writers = {"application/x-www-form-urlencoded": _in_form}
        kind = self.content_type
        usual = as_json if kind == _JSON or kind.endswith("+json") else _as_it_is
        text = filled(self.body or "", known, writers.get(kind, usual))
        return text.encode("utf-8", "surrogatepass")


Writer = Callable[[Any, bool], str]  # of a value; whether it stands between quotes


def compiled(expression: str) -> Any:
    """A JMESPath expression. Raises ValueError."""
    try:
        found = jmespath.compile(expression)
    except JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(".:")
        raise ValueError(f"{expression!r} is not a JMESPath expression: {reason}") from error
    for name in _functions(found.parsed):
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"{expression!r} calls {name}(), which JMESPath does not have")
    return found


def _functions(node: Any) -> Iterator[str]:
    """The names of all that an expression calls."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        yield from _functions(child)


def filled(template: str, known: Mapping[str, Any] | None, write: Writer) -> str:
    """The text with its placeholders' values; 0 for each where nothing is known.

    Raises UsageError for an expression that can't be had of what is known.
    """
    parts, place, inside = [], 0, False
    for found in _PLACEHOLDER.finditer(template):
        before = template[place : found.start()]
        inside ^= sum(quote == '"' for quote in _QUOTE.findall(before)) % 2 == 1
        parts += [before, "$" if found[1] else write(_value(found, known), inside)]
        place = found.end()
    return "".join([*parts, template[place:]])


def as_text(instance: Any) -> str:
    """Text as it is, anything else as JSON."""
    return instance if isinstance(instance, str) else json.dumps(instance)


def as_json(value: Any, inside: bool) -> str:
    """JSON of a value; between quotes, the same of its text."""
    return json.dumps(as_text(value))[1:-1] if inside else json.dumps(value)


def _as_it_is(value: Any, _: bool) -> str:
    return as_text(value)


def _in_form(value: Any, _: bool) -> str:
    return quote_plus(as_text(value), errors="surrogatepass")


def _in_path(value: Any, _: bool) -> str:
    return quote(as_text(value), safe="", errors="surrogatepass")


def _value(found: re.Match[str], known: Mapping[str, Any] | None) -> Any:
    if known is None:
        return 0
    if found[3]:
        return known[found[3]]
    try:
        return compiled(found[2]).search(dict(known))
    except (JMESPathError, RecursionError, OverflowError) as error:
        said = beginning(" ".join(str(error).split()), _SAID)
        raise UsageError(f"{found[0]} of payload {known['id']} can't be had: {said}") from error


def _names(template: str) -> set[str]:
    """The placeholders of a template. Raises ValueError for an unknown one."""
    names = set()
    for _, expression, name in _PLACEHOLDER.findall(template):
        if expression:
            compiled(expression)
            names |= {known for known in KNOWN if re.search(rf"\b{known}\b", expression)}
        elif name:
            if name not in KNOWN:
                shown = ", ".join(f"${known}" for known in KNOWN)
                raise ValueError(
                    f"${name} is not a placeholder: write {shown}, and a literal dollar as $$"
                )
            names.add(name)
    return names
