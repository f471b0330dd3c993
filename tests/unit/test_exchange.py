"""What requests do after their first answer, as pure functions; and the table of chunks."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

from harness.base.errors import AnswerError, HarnessError, UsageError
from harness.measure.load.generator import cutting, pool
from harness.measure.load.generator.answer import headers_of
from harness.measure.load.generator.chunks import MarkColumns
from harness.measure.load.generator.job import Fired, Job, Target
from harness.measure.load.swarm import wire
from harness.measure.talk.framing import Framing
from harness.protocols import Message, exchange, registered
from harness.protocols.exchange import Done, Fail, Response, Send
from harness.windows import wire as wire_bytes
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import ERRORS, MISSING, Chunks, Ints, empty, joined
from harness.windows.wire import Wire
from tests.exchanges import Lines, Obedient, Polling
from tests.unit.stored import ints


def said(body: str, status: int = 200) -> Response:
    return Response(status, (("content-type", "a"), ("x", "1"), ("x", "2")), body.encode())


def test_a_job_is_polled_until_it_is_done() -> None:
    job = Polling("/v1/jobs", 50).begin(3)
    poll = Message(b"", method="GET", path="/v1/jobs/7")
    assert exchange.next_step(job, said('{"id": "7"}', 202), 1000) == Send(poll, 1050)
    assert exchange.next_step(job, said('{"status": "in_progress"}'), 2000) == Send(poll, 2050)
    marks = (("polls", 2), ("finished_ns", 3000))
    assert exchange.next_step(job, said('{"status": "completed"}'), 3000) == Done(marks=marks)


def test_a_job_that_failed_is_told_in_the_servers_words() -> None:
    job = Polling().begin(0)
    exchange.next_step(job, said('{"id": "7"}'), 0)
    told = exchange.next_step(job, said('{"status": "failed", "error": "too long"}'), 0)
    assert told == Fail("too long", marks=(("polls", 1),))
    assert ERRORS[Fail("too long").code] == "failed"
    assert exchange.next_step(job, said("{}", 404), 0) == Done()


@pytest.mark.parametrize("body", ["no json", "[]", "{}"])
def test_what_an_exchange_can_not_read_is_garbage(body: str) -> None:
    found = exchange.next_step(Polling().begin(0), said(body), 0)
    assert isinstance(found, Fail)
    assert found.error == "garbage"
    assert found.why


def test_lines_are_content_however_they_are_cut() -> None:
    whole = b"one two\nthree\n\nend\n"
    for size in range(1, len(whole) + 1):
        heard = Lines().begin(0)
        cut = [whole[place : place + size] for place in range(0, len(whole), size)]
        assert [each for piece in cut for each in exchange.contents(heard, piece)] == [
            *((7, 2), (5, 1), (0, 0))
        ]


def test_content_that_an_exchange_can_not_read_is_no_content() -> None:
    broken = Lines().begin(0)
    with pytest.raises(AnswerError, match="TypeError"):
        exchange.contents(broken, None)  # type: ignore[arg-type]


def test_exchanges_travel_by_their_name() -> None:
    assert exchange.by_name("submit-and-poll", {"path": "/a", "every_ns": 5}) == Polling("/a", 5)
    with pytest.raises(UsageError, match=r"There is no exchange 'submit-and-pol'. Did you mean"):
        exchange.by_name("submit-and-pol", {})
    assert pickle.loads(pickle.dumps(Polling("/a", 5))) == Polling("/a", 5)


def test_protocols_have_no_exchange_unless_they_say_so() -> None:
    going_on = {n for n, each in registered().items() if each.exchanges("/x") is not None}
    fast = {"json", "json-list", "kserve-v1", "seldon", "seldon-grpc", "torchserve"}
    fast |= {"v2", "v2-binary", "v2-grpc"}
    assert fast <= registered().keys() - going_on
    assert "jobs" in going_on


def test_headers_as_they_came() -> None:
    head = b"HTTP/1.1 200 OK\r\nRetry-After: 1\r\nX:\r\nlocation:/a:b \r\n\r\n"
    assert headers_of(head) == (("retry-after", "1"), ("x", ""), ("location", "/a:b"))
    found = Response(200, headers_of(head), b"")
    assert (found.header("location"), found.header("retry")) == ("/a:b", None)


def test_what_is_sent_later_has_the_headers_of_what_is_sent_first() -> None:
    framing = Framing(path="/p?a=1", own=(("Host", "h"),), users=(("X-Key", "k"),))
    assert framing.whole(Message(b"", method="GET", path="/jobs/1")) == (
        b"GET /jobs/1?a=1 HTTP/1.1\r\nHost: h\r\nX-Key: k\r\n\r\n"
    )


# --- over the wire --------------------------------------------------------------------------------


def job(exchanges: exchange.Exchanges | None) -> Job:
    framing = Framing(path="/p", own=(("Host", "h"),), users=(("A", "b"),), method="PUT")
    goal = Target(
        host="h", port=80, tls=False, messages=(b"x",), framing=framing, exchanges=exchanges
    )
    return Job(
        target=goal,
        start_ns=5,
        duration_ns=10_000,
        payload=np.zeros(1, np.int64),
        due_ns=None,
        concurrency=4,
        limit=None,
        timeout_ns=10**9,
        keep_every=2,
    )


@pytest.mark.parametrize("exchanges", [None, Polling("/a", 7, 3.5), Lines()])
def test_an_exchange_goes_over_the_wire(exchanges: exchange.Exchanges | None) -> None:
    found = wire.unpack_job(wire.pack_job(job(exchanges)))
    assert found.target == job(exchanges).target


def test_a_request_has_its_exchanges_time() -> None:
    assert job(None).patience_ns == 10**9
    assert job(Polling(limit_s=3.5)).patience_ns == 3_500_000_000


def test_nothing_but_a_registered_exchange_comes_over_the_wire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = wire.pack_job(job(Obedient()))
    monkeypatch.delitem(exchange.EXCHANGES, "obedient")
    with pytest.raises(HarnessError, match="There is no exchange 'obedient'"):
        wire.unpack_job(sent)


# --- chunks ---------------------------------------------------------------------------------------

COLUMNS = [field.name for field in fields(Chunks)]


def chunks(*rows: tuple[int, int, int, int]) -> Chunks:
    return Chunks(**dict(zip(COLUMNS, np.array(rows, np.int64).reshape(-1, 4).T, strict=True)))


def listed(found: Chunks) -> list[list[int]]:
    names = ("request", "at_ns", "size_bytes", "count")
    return np.stack([getattr(found, name) for name in names]).T.tolist()  # type: ignore[no-any-return]


def fired(sent: list[int], heard: Chunks) -> Fired:
    columns: dict[str, Ints] = {
        name: ints(*sent)
        for name in ("payload", "sent_ns", "first_byte_ns", "status", "error", "queued", "resent")
    }
    nothing = np.full(len(sent), MISSING, np.int64)
    columns |= {"due_ns": nothing, "done_ns": ints(*sent) + 100}
    return Fired(columns=columns, bodies={}, cpu_s=0.5, elapsed_s=1.0, chunks=heard)


HEARD = chunks((0, 40, 3, 1), (0, 60, 4, MISSING), (1, 50, 5, 2))


def test_chunks_follow_their_requests_through_a_merge() -> None:
    other = chunks((0, 25, 1, 1), (1, 45, 2, 2))
    whole = pool.merge([fired([30, 40], HEARD), fired([20, 35], other)])
    assert whole.columns["sent_ns"].tolist() == [20, 30, 35, 40]
    assert listed(whole.chunks) == [
        [0, 25, 1, 1],
        [1, 40, 3, 1],
        [1, 60, 4, MISSING],
        [2, 45, 2, 2],
        [3, 50, 5, 2],
    ]
    assert listed(pool.merge([fired([1], empty(Chunks))] * 2).chunks) == []


def test_chunks_of_requests_without_an_end_go_with_them() -> None:
    made = fired([30, 40, 41], HEARD)
    made.columns["done_ns"][0] = MISSING
    found = cutting.fitted(made, 10)
    assert found.unanswered == 1
    assert listed(found.chunks) == [[0, 50, 5, 2]]


def test_chunks_after_the_end_of_their_request_do_not_count() -> None:
    assert listed(HEARD.by(ints(50, 50))) == [[0, 40, 3, 1], [1, 50, 5, 2]]
    assert listed(HEARD.by(ints(MISSING, 49))) == []


def test_parts_of_one_table_are_one() -> None:
    assert listed(joined([chunks((1, 5, 1, 1)), empty(Chunks), chunks((0, 7, 1, 1))])) == [
        [0, 7, 1, 1],
        [1, 5, 1, 1],
    ]
    assert len(joined([])) == 0


def test_chunks_go_over_the_wire() -> None:
    sent = fired([30, 40], HEARD)
    assert listed(wire.unpack_fired(wire.pack_fired(sent)).chunks) == listed(HEARD)
    for request in (-1, 2):
        damaged = replace(sent, chunks=chunks((request, 5, 1, 1)))
        with pytest.raises(HarnessError, match="chunks are of other requests"):
            wire.unpack_fired(wire.pack_fired(damaged))


# --- marks ----------------------------------------------------------------------------------------


def marks(*rows: tuple[int, int, int]) -> Marks:
    request, mark, value = np.array(rows, np.int64).reshape(-1, 3).T
    return Marks(request=request, mark=mark, value=value)


def told(found: Marks) -> list[tuple[int, str, int]]:
    names = [MARKS[code] for code in found.mark]
    return list(zip(found.request.tolist(), names, found.value.tolist(), strict=True))


TOLD = marks((0, 0, 3), (0, 4, 130), (1, 1, 1))


def test_moments_are_since_the_window_began_and_numbers_as_they_are() -> None:
    columns = MarkColumns()
    columns.add(1, (("runs", 2),))
    columns.add(0, (("finished_ns", 150), ("polls", 4), ("started_ns", -(10**17))))
    found = columns.since(100, 2)
    assert told(found) == [(0, "polls", 4), (0, "finished_ns", 50), (1, "runs", 2)]
    assert found.each("polls", 3).tolist() == [4, MISSING, MISSING]
    assert len(MarkColumns().since(100, 2)) == 0


def test_marks_follow_their_requests() -> None:
    parts = [
        replace(fired([30, 40], HEARD), marks=TOLD),
        replace(fired([35], chunks()), marks=marks((0, 0, 1))),
    ]
    assert told(pool.merge(parts).marks) == [
        *((0, "polls", 3), (0, "finished_ns", 130), (1, "polls", 1), (2, "runs", 1)),
    ]
    parts[0].columns["done_ns"][0] = MISSING
    assert told(cutting.fitted(parts[0], 10).marks) == [(0, "runs", 1)]


def test_marks_go_over_the_wire() -> None:
    sent = replace(fired([30, 40], HEARD), marks=TOLD)
    assert told(wire.unpack_fired(wire.pack_fired(sent)).marks) == told(TOLD)
    for damage in (marks((2, 0, 1)), marks((0, len(MARKS), 1)), marks((0, -1, 1))):
        with pytest.raises(HarnessError, match="marks are"):
            wire.unpack_fired(wire.pack_fired(replace(sent, marks=damage)))


def test_what_went_over_the_wire_is_added_where_all_of_it_is_known() -> None:
    known = Wire(sent=5, received=70)
    assert wire_bytes.added([known, known]) == Wire(sent=10, received=140)
    assert wire_bytes.added([known, None]) is None
    parts = [replace(fired([30], chunks()), wire=known), replace(fired([35], chunks()), wire=known)]
    assert pool.merge(parts).wire == Wire(sent=10, received=140)
