"""Asking a server that comes up whether it is there yet. Nothing here sleeps for readiness."""

from __future__ import annotations

import time

import httpx

from harness.errors import AnswerError, LaunchError
from harness.measure.answers import Answers
from harness.measure.launchers import Launched

_EVERY_S = 0.02
_PROBE_TIMEOUT_S = 2.0
_TROUBLE_S = 3.0
_ANSWER_TIMEOUT_S = 30.0  # a server that is ready must answer rightly within


def client(url: str) -> httpx.Client:
    """For control only: load goes through the drivers."""
    # Without certificates: plain HTTP needs none, and reading them takes longer than some servers
    # take to come up.
    return httpx.Client(base_url=url, timeout=_PROBE_TIMEOUT_S, trust_env=False, verify=False)


def until_ready(client: httpx.Client, launched: Launched, path: str, limit_s: float) -> float:
    """Probe until the server answers 200; seconds since its start. Raises LaunchError."""
    said = "no answer"
    while _since(launched) < limit_s:
        _require_alive(launched)
        try:
            response = client.get(path)
            if response.status_code == 200:
                return _since(launched)
            said = f"HTTP {response.status_code}"
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
        time.sleep(_EVERY_S)
    raise LaunchError(
        f"It did not get ready within {limit_s:g} s; the last probe of {path} said: {said}."
    )


def until_right(
    client: httpx.Client,
    launched: Launched,
    path: str,
    body: bytes,
    content_type: str,
    answers: Answers | None,
) -> float:
    """Ask the first payload until the answer is right; seconds since the server's start.

    A server may be ready before its model is, so a refusal is asked again for a while. A wrong
    answer is not: raises AnswerError at once.
    """
    began = time.monotonic()
    said = ""
    while time.monotonic() < began + _ANSWER_TIMEOUT_S:
        _require_alive(launched)
        try:
            response = client.post(
                path,
                content=body,
                headers={"Content-Type": content_type},
                timeout=_ANSWER_TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            time.sleep(_EVERY_S)
            continue
        if response.is_success:
            code, why = answers.judge(0, response.content) if answers else (0, "")
            if code == 0:
                return _since(launched)
            raise AnswerError(f"Its first answer is not the reference's: {why}.")
        said = f"HTTP {response.status_code}: {response.text[:200]}"
        patience_s = _patience_s(response.status_code)
        if time.monotonic() > began + patience_s:
            break
        time.sleep(_EVERY_S)
    raise AnswerError(f"It got ready, but does not answer {path}: {said}")


def _patience_s(status: int) -> float:
    """How long a refusal may last: "not yet" has statuses of its own, the others mean trouble."""
    if status in (404, 429, 503):
        return _ANSWER_TIMEOUT_S
    return 0.0 if status < 500 else _TROUBLE_S


def _since(launched: Launched) -> float:
    return (time.monotonic_ns() - launched.started_ns) / 1e9


def _require_alive(launched: Launched) -> None:
    reason = launched.exited()
    if reason is not None:
        raise LaunchError(f"The server is gone before it was ready: {reason}.")
