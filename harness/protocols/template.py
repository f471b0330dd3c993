"""Requests and answers of any schema, by a template of the user's."""

from __future__ import annotations

from typing import Any

from jmespath.exceptions import JMESPathError

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Message, Protocol, one, parsed, protocol, start
from harness.setup.templates import RequestTable, compiled


@protocol("template")
class Template(Protocol):
    """The protocol of `--request`, or of `request` in a server.toml."""

    path = "/"

    def __init__(
        self, table: RequestTable | None = None, prefix: str = "", number: int = 0
    ) -> None:
        self._table = table or RequestTable(body="$instance")
        self._given = table is not None
        self._prefix = prefix  # of the path
        self._number = number
        self._prediction = compiled(self._table.prediction)
        self._id = None if self._table.id is None else compiled(self._table.id)

    def asking(self, request: RequestTable) -> Protocol:
        return Template(request)

    def at(self, path: str) -> Protocol:
        return Template(self._table, path.rstrip("/"), self._number)

    def numbered(self, number: int) -> Protocol:
        return Template(self._table, self._prefix, number)

    def encode(self, instances: list[Any]) -> Message:
        table = self._table
        if not self._given:
            raise UsageError(
                "The protocol 'template' needs a request: give --request, or `request` in "
                "server.toml."
            )
        instance = instances[0] if table.together else one(instances)
        known = {"instance": instance, "instances": instances, "id": str(self._number)}
        told = any(name.lower() == "content-type" for name in table.headers)
        own = {} if told or table.body is None else {"Content-Type": table.content_type}
        path = f"{self._prefix}{table.path_of(known)}" if table.path else ""
        return Message(
            table.body_of(known),
            query=table.query_of(known),
            headers=own | table.headers,
            method=table.verb,
            path=path,
        )

    def decode(self, body: bytes) -> list[Any]:
        expression = self._table.prediction
        found = self._search(self._prediction, body)
        if found is None and expression != "@":
            raise AnswerError(f"{expression!r} finds nothing in {start(body)}")
        if not self._table.together:
            return [found]
        if not isinstance(found, list):
            raise AnswerError(f"{expression!r} finds no list in {start(body)}")
        return found

    def answered(self, body: bytes) -> str | None:
        return None if self._id is None else str(self._search(self._id, body))

    def _search(self, expression: Any, body: bytes) -> Any:
        try:
            return expression.search(parsed(body))
        except (JMESPathError, RecursionError, OverflowError) as error:
            raise AnswerError(f"{error} in {start(body)}") from error
