"""A cluster, as its API server tells of it: plain data in, plain data out.

Of the official client it takes the configuration, the connection and what runs commands in pods;
requests and objects are plain data, so that every version of the API can be spoken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from harness.base.errors import HarnessError, LaunchError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_CONNECT_S = 5.0
_READ_S = 30.0
_SAID = 400  # characters of what is no answer of an API server
_OUTPUT, _COMPLAINTS, _OUTCOME = 1, 2, 3  # channels of a command: v4.channel.k8s.io


class ApiError(HarnessError):
    """The API server refused what it was asked, or did not answer; a part of a sentence."""

    def __init__(self, said: str, status: int = 0, reason: str = "") -> None:
        super().__init__(said)
        self.status = status  # of HTTP; 0: no answer came
        self.reason = reason  # in the API's words, such as `AlreadyExists`


@contextmanager
def answering(doing: str, kind: type[HarnessError] = LaunchError) -> Iterator[None]:
    """Errors of the API server become a sentence: `doing` is what failed."""
    try:
        yield
    except ApiError as error:
        raise kind(f"{doing}: {error}.") from error


class Cluster:
    """An API server, and the rights that a context has there. Requests raise ApiError."""

    def __init__(self, client: ApiClient, context: str) -> None:
        self._client = client
        self.context = context
        self.server: str = client.configuration.host

    def close(self) -> None:
        """End its connections; one more request would open them again."""
        manager = self._client.rest_client.pool_manager
        for key in manager.pools.keys():  # noqa: SIM118 - it is no dict, and iterates by no other way
            manager.pools[key].close()
        manager.clear()

    def get(self, path: str, limit_s: float = _READ_S, /, **query: str) -> Json:
        """An object, or a list of them."""
        return self._json("GET", path, query, limit_s=limit_s)

    def post(self, path: str, body: Json, **query: str) -> Json:
        """Create an object."""
        return self._json("POST", path, query, body)

    def patch(self, path: str, body: Json, kind: str = MERGE) -> Json:
        """Change an object."""
        return self._json("PATCH", path, {}, body, kind)

    def delete(self, path: str, grace_s: int | None = None) -> None:
        """Delete an object, which may be gone already; what it owns goes in the background."""
        body: Json = {"propagationPolicy": "Background"}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        with suppress_missing():
            self._json("DELETE", path, {}, body)

    def text(self, path: str, limit_s: float = _READ_S, /, **query: str) -> bytes:
        """Whatever is there, as it came."""
        with self.stream(path, limit_s, **query) as reply, _connected(self):
            return bytes(reply.read())

    @contextmanager
    def stream(self, path: str, limit_s: float | None = None, /, **query: str) -> Iterator[Any]:
        """A reply of urllib3 that is read as it comes; without a limit it may be silent long."""
        reply = self._asked("GET", path, query, None, "", limit_s)
        try:
            yield reply
        finally:
            reply.close()

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], limit_s: float = 30
    ) -> bytes:
        """What a command in a container wrote to its output; ApiError with what it wrote to the
        other stream where it failed, or took too long."""
        asked = [("command", part) for part in command]
        asked += [("container", container), ("stdout", "true"), ("stderr", "true")]
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec"
        call = self.websocket(path, asked)
        try:
            return _output(call, limit_s)
        finally:
            hang_up(call)

    def websocket(self, path: str, asked: list[tuple[str, str]]) -> Any:
        """The client's connection for what is spoken both ways."""
        from kubernetes.stream import ws_client

        url = f"{self.server}{path}?{urlencode(asked)}"
        with _connected(self):
            return ws_client.websocket_call(
                self._client.configuration,
                "GET",
                url,
                headers=self._headers(),
                binary=True,
                capture_all=False,
                _preload_content=False,
            )

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | None = None,
        kind: str = "application/json",
        limit_s: float = _READ_S,
    ) -> Json:
        reply = self._asked(method, path, query, body, kind, limit_s)
        with _connected(self):
            data = reply.read()
        try:
            found = json.loads(data)
        except ValueError as error:
            raise ApiError(f"{self._named} answers what is no JSON") from error
        return found if isinstance(found, dict) else {}

    def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | None,
        kind: str,
        limit_s: float | None,
    ) -> Any:
        from urllib3 import Timeout

        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        with _connected(self):
            reply = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers={**self._headers(), **({"Content-Type": kind} if kind else {})},
                timeout=Timeout(connect=_CONNECT_S, read=limit_s),
                retries=1 if method == "GET" else False,
                redirect=False,
                preload_content=False,
            )
        if not 200 <= reply.status < 300:
            raise self._refused(reply)
        return reply

    def _headers(self) -> dict[str, str]:
        settings = self._client.configuration.auth_settings().values()
        told = {str(each["key"]): str(each["value"]) for each in settings if each["in"] == "header"}
        return {"Accept": "application/json, */*", "User-Agent": "serving-harness", **told}

    def _refused(self, reply: Any) -> ApiError:
        with _connected(self):
            data = bytes(reply.read())
        told: Json = {}
        with suppress(ValueError):
            found = json.loads(data)
            told = found if isinstance(found, dict) else {}
        text = data[:_SAID].decode(errors="replace")
        said = str(told.get("message") or text or f"HTTP {reply.status}")
        said = " ".join(said.split()).rstrip(".")
        return ApiError(f"{self._named} says: {said}", reply.status, str(told.get("reason") or ""))

    @property
    def _named(self) -> str:
        return f"the API server of the context {self.context!r}"


def hang_up(call: Any) -> None:
    """End a connection of the client that is spoken both ways: where its other end closed it first,
    its socket stays open until it is told so itself."""
    for end in (call.close, call.sock.shutdown):
        with suppress(Exception):  # its other end may be gone
            end()


@contextmanager
def suppress_missing() -> Iterator[None]:
    """What is not there need not be deleted."""
    try:
        yield
    except ApiError as error:
        if error.status != 404:
            raise


@contextmanager
def _connected(cluster: Cluster) -> Iterator[None]:
    """Errors of the connection become an ApiError."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (HTTPError, ApiException, OSError) as error:
        raise ApiError(f"{cluster._named} does not answer ({innermost(error)})") from error


def innermost(error: BaseException) -> str:
    """The cause itself, in its last words: what is around it repeats it."""
    while error.__context__ is not None:
        error = error.__context__
    said = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(said or type(error).__name__).split())[:_SAID]


def _output(call: Any, limit_s: float) -> bytes:
    """All that a command writes until it ends."""
    until, output, complaints = time.monotonic() + limit_s, b"", b""
    while True:
        goes_on = call.is_open()
        if goes_on:
            call.update(timeout=max(0.0, until - time.monotonic()))
        output += call.read_channel(_OUTPUT) or b""
        complaints += call.read_channel(_COMPLAINTS) or b""
        if not goes_on:
            break
        if time.monotonic() > until:
            raise ApiError(f"a command in a container did not end within {limit_s:g} s")
    told: Json = {}
    with suppress(ValueError):
        told = json.loads(call.read_channel(_OUTCOME) or b"{}")
    if told.get("status") != "Success":
        said = complaints.decode(errors="replace") or str(told.get("message") or "it broke off")
        raise ApiError(f"a command in a container failed: {' '.join(said.split())[:_SAID]}")
    return output
