"""Jobs: submitted at once, done by somebody else, and asked after until they are.

`POST PATH` answers `{"id"}`, `GET PATH/ID` how far the job is: `in_queue`, `in_progress`,
`completed` with its `result`, or `failed`; another status of HTTP ends the request as what it is.
The header `x-job-marks` tells the stages of a job: `runs=1,started_ns=...`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Message, Protocol, json_message, parsed, protocol, start
from harness.protocols.exchange import (
    Done,
    Exchange,
    Exchanges,
    Fail,
    Response,
    Send,
    Step,
    exchanging,
)
from harness.windows.marks import MARKS, Told

_EVERY_NS = 10_000_000
MARKS_HEADER = "x-job-marks"
_WAITING = ("in_queue", "in_progress")
_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_INTERVALS = re.compile(r"(\d+(?:\.\d+)?)ms(?:-(\d+(?:\.\d+)?)ms)?")
_MARK = re.compile(r"(\w+)=(\d{1,18})")


@exchanging("jobs")
@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs(Exchanges):
    """Asked after for the first time `every_ns` after it was taken, then ever less often: the time
    between two questions doubles until it is `most_ns`."""

    path: str = ""  # before the slash and the id
    every_ns: int = _EVERY_NS
    most_ns: int = _EVERY_NS
    limit_s: float = 60.0

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return Polled(self)


class Polled(Exchange):
    """The exchange of one job."""

    def __init__(self, way: Jobs) -> None:
        self._way = way
        self._question: Message | None = None  # once it was taken
        self._wait_ns = way.every_ns
        self._polls = 0

    def received(self, response: Response, now_ns: int) -> Step:
        if self._question is None:
            return self._taken(response, now_ns) if response.is_success else Done()
        self._polls += 1
        marks = (("polls", self._polls), *_marks(response))
        if not response.is_success:
            return Done(marks=marks)
        told = _object(response.body)
        status = told.get("status")
        if status == "completed":
            return Done(marks=marks)
        if status == "failed":
            why = told.get("error")
            return Fail(why if isinstance(why, str) else "the server gives no reason", marks=marks)
        if status not in _WAITING:
            raise AnswerError(f"no status of a job in {start(response.body)}")
        return self._again(now_ns)

    def _taken(self, response: Response, now_ns: int) -> Step:
        name = _object(response.body).get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise AnswerError(f"no id of a job in {start(response.body)}")
        self._question = Message(b"", method="GET", path=f"{self._way.path}/{name}")
        return self._again(now_ns)

    def _again(self, now_ns: int) -> Send:
        assert self._question is not None  # it was taken
        wait_ns = self._wait_ns
        self._wait_ns = min(2 * wait_ns, max(self._way.most_ns, wait_ns))
        return Send(self._question, now_ns + wait_ns)


def _object(body: bytes) -> dict[str, Any]:
    told = parsed(body)
    if not isinstance(told, dict):
        raise AnswerError(f"no JSON object in {start(body)}")
    return told


def _marks(response: Response) -> Told:
    told = _MARK.findall(response.header(MARKS_HEADER) or "")
    return tuple((name, int(value)) for name, value in told if name in MARKS and name != "polls")


@protocol("jobs")
class JobsProtocol(Protocol):
    """`{"instances"}` to an id, and from that to `{"predictions"}` as the job's result. What
    follows its name is the time between two polls: `jobs:20ms`, or `jobs:5ms-80ms` where it doubles
    from one to the other."""

    path: ClassVar[str] = "/"

    def __init__(self, every_ns: int = _EVERY_NS, most_ns: int = _EVERY_NS) -> None:
        self._every_ns, self._most_ns = every_ns, most_ns

    def named(self, argument: str) -> Protocol:
        found = _INTERVALS.fullmatch(argument)
        if found is None:
            raise UsageError(
                f"{argument!r} is no time between polls: give one, as jobs:20ms, or two, as "
                "jobs:5ms-80ms, where it doubles from the first to the second."
            )
        every, most = (int(1e6 * float(each or found[1])) for each in found.groups())
        if not 0 < every <= most:
            raise UsageError(
                f"The time between polls, {argument!r}, must be more than 0 ms, and must not end "
                "below where it begins."
            )
        return JobsProtocol(every, most)

    def exchanges(self, path: str) -> Exchanges:
        return Jobs(path=path.rstrip("/"), every_ns=self._every_ns, most_ns=self._most_ns)

    def encode(self, instances: list[Any]) -> Message:
        return json_message({"instances": instances})

    def decode(self, body: bytes) -> list[Any]:
        told = _object(body)
        if not isinstance(told.get("result"), dict):
            raise AnswerError(f'no object "result" in {start(body)}')
        predictions = told["result"].get("predictions")
        if not isinstance(predictions, list):
            raise AnswerError(f'no list "predictions" in the result of {start(body)}')
        return predictions
