"""The loops over HTTP where a request goes on after an answer: polls, and the pieces of a stream.

They are loops of their own, so that the others have nothing to ask on their way. Between two
messages a request of the open loop has no connection: its next message takes any that is free, as
HTTP clients do. A caller of a closed loop keeps its one.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar

from harness.base.errors import AnswerError, UsageError
from harness.measure.load.generator import why
from harness.measure.load.generator.alarm import Alarm
from harness.measure.load.generator.answer import Answer, Unfit, headers_of
from harness.measure.load.generator.closed_loop import ClosedLoop
from harness.measure.load.generator.coding import beginning, decoded
from harness.measure.load.generator.connection import IDLE, Connection
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.loop import HttpLoop
from harness.measure.load.generator.open_loop import OpenLoop
from harness.measure.load.generator.pieces import PieceAnswer
from harness.measure.load.generator.timer import clock
from harness.protocols.exchange import (
    Done,
    Exchange,
    Fail,
    Response,
    Send,
    Step,
    contents,
    next_step,
)
from harness.windows.samples import ERRORS

_USED = IDLE - 1  # a connection that has been used: a request that it swallows is resent
_TIMEOUT, _UNSENT = ERRORS.index("timeout"), ERRORS.index("unsent")


class Conversing(Connection):
    """A connection on which no answer is known by its header block: the exchange reads each."""

    __slots__ = ()
    loop: Exchanging

    def received(self, data: bytes, now: int) -> None:
        loop, index, answer = self.loop, self.index, self.answer
        if index == IDLE:
            self.abort()
            return
        now = max(now, loop.asked_ns(index))
        if answer is None:
            answer = self.answer = loop.awaited(index)
        assert isinstance(answer, PieceAnswer)
        answer.now = now = max(now, answer.now)  # the kernel's stamps may go back by microseconds
        if not answer.begun:  # but interim ones
            loop.begun(index, now)
        self._feed(answer, data, now)


class Turn:
    """How far a request is: its exchange, and what it is to send next."""

    __slots__ = ("answer", "answers", "asked_ns", "connection", "exchange", "message")

    def __init__(self, exchange: Exchange, sent_ns: int) -> None:
        self.exchange = exchange
        self.answers = 0
        self.answer: Answer | None = None  # the last one that was whole
        self.message = b""  # after the first, which is the target's
        self.asked_ns = sent_ns  # when the last one was sent, or due to be
        self.connection: Connection | None = None  # that it keeps until then


class Exchanging(HttpLoop):
    """The common part of the loops over HTTP whose requests continue after an answer."""

    connection: ClassVar[type[Connection]] = Conversing

    def __init__(self, job: Job, *rest: Any) -> None:
        super().__init__(job, *rest)
        assert job.target.exchanges is not None
        self.exchanges = job.target.exchanges
        self.patience_ns = job.patience_ns
        self.turns: dict[int, Turn] = {}  # of requests that have had an answer, or some of it
        self.alarm = Alarm(self.go_on)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self.alarm.close()

    def turn_of(self, index: int) -> Turn:
        turn = self.turns.get(index)
        if turn is None:
            exchange = self.exchanges.begin(self.payload_of(index))
            turn = self.turns[index] = Turn(exchange, self.sent_ns[index])
        return turn

    def goes_on(self, index: int) -> bool:
        """Whether the request has been answered, but not for the last time."""
        return index in self.turns and bool(self.turns[index].message)

    def message_of(self, index: int) -> bytes:
        return self.turns[index].message if self.goes_on(index) else super().message_of(index)

    def asked_ns(self, index: int) -> int:
        turn = self.turns.get(index)
        return self.sent_ns[index] if turn is None else turn.asked_ns

    def awaited(self, index: int) -> Answer:
        turn, job = self.turn_of(index), self.job
        tell = partial(self._heard, index, turn.exchange) if self.exchanges.chunked else None
        return PieceAnswer(most=job.max_answer_bytes, bodiless=job.target.bodiless, tell=tell)

    def begun(self, index: int, now: int) -> None:
        """The first byte of an answer has come."""
        if not self.turn_of(index).answers:
            self.first_byte_ns[index] = now

    def _heard(self, index: int, exchange: Exchange, piece: bytes, now: int) -> None:
        try:
            self.chunks.add(index, now, contents(exchange, piece))
        except AnswerError as error:
            raise Unfit(str(error)) from error

    def take(self, index: int, answer: Answer) -> None:
        self.turn_of(index).answer = answer

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        turn = self.turns[index]
        turn.answers += 1
        if connection is not None:
            connection.served, connection.fresh = True, _USED
        if now > (end := turn.asked_ns + self.job.timeout_ns):
            self._end(connection, index, end, 0, Fail("", "timeout"))
            return
        step, response = self._read(turn, now)
        if isinstance(step, Send):
            self.rest(turn, connection)
            if step.at_ns <= now:
                self.go_on(index)
            else:
                self.alarm.set(min(step.at_ns, self.sent_ns[index] + self.patience_ns), index)
        else:
            if isinstance(step, Done):
                self._keep(index, response, step)
            self._end(connection, index, now, status, step)

    def _read(self, turn: Turn, now: int) -> tuple[Step, Response]:
        """The step after an answer; if that is a message, the turn holds it whole."""
        answer = turn.answer
        assert answer is not None  # it has just been taken
        response = Response(answer.status, headers_of(answer.head), b"")
        try:
            body = self._body(answer, response)
            response = Response(response.status, response.headers, body)
            step = next_step(turn.exchange, response, now)
            if isinstance(step, Send):
                turn.message = self.job.target.framing.whole(step.message)
                self.asked_bytes += len(turn.message)
        except (Unfit, UsageError) as error:
            step = Fail(str(error), "garbage")
        return step, response

    def _body(self, answer: Answer, response: Response) -> bytes:
        """Raises Unfit where it can't be read, unless the status says more than it would."""
        body = b"".join(answer.body)
        try:
            return decoded(body, answer.encoding, self.job.max_answer_bytes)
        except Unfit:
            if response.is_success:
                raise
            return beginning(body, answer.encoding)

    def _keep(self, index: int, response: Response, done: Done) -> None:
        body = response.body if done.body is None else done.body
        if not response.is_success:
            location = response.header("location") or ""
            self.first_said.setdefault(response.status, (body, location.encode("latin-1"), b""))
        if self.keep_every and index % self.keep_every == 0:
            self.bodies[index] = body

    def _end(
        self, connection: Connection | None, index: int, now: int, status: int, step: Done | Fail
    ) -> None:
        del self.turns[index]
        self.marks.add(index, step.marks)
        self.ended(connection, index, now, status)
        if isinstance(step, Fail):
            self.status[index], self.error[index] = status, step.code
            self.causes[step.code, why.of_exchange(step)] += 1

    @abstractmethod
    def ended(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        """The last answer has come, as where there is only one."""

    def rest(self, turn: Turn, connection: Connection | None) -> None:
        """The turn waits until it sends again."""
        turn.connection = connection

    def go_on(self, index: int) -> None:
        """Send what follows the last answer, now that it is time."""
        turn = self.turns.get(index)
        if turn is None:  # it was given up meanwhile
            return
        turn.asked_ns = now = clock()
        if now >= self.sent_ns[index] + self.patience_ns:
            self.failed(index, _TIMEOUT)
        else:
            self.ask_again(index, turn)

    def ask_again(self, index: int, turn: Turn) -> None:
        """Send it on the connection that was kept, or where that is gone on a new one."""
        connection, turn.connection = turn.connection, None
        if connection is None or connection.gone:
            self.spawn(self.send_on_a_new_one(index))
        else:
            connection.index = index
            connection.transport.write(turn.message)

    def forget(self, index: int) -> None:
        """The request ends here."""
        turn = self.turns.pop(index, None)
        if turn is not None and turn.connection is not None:
            turn.connection.transport.abort()

    def give_up_overdue(self, before: int) -> None:
        """Give up requests, also those that have taken too long in all."""
        super().give_up_overdue(before)
        over = clock() - self.patience_ns
        for connection in list(self.connections):
            index = connection.index
            if index != IDLE and self.sent_ns[index] < over:
                connection.give_up(_TIMEOUT)

    def answered_on(self) -> int:
        return sum(connection.served for connection in self.connections)


class ClosedExchanges(Exchanging, ClosedLoop):
    """A fixed number of callers, each beginning anew when its last answer has come."""

    def ended(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        ClosedLoop.answered(self, connection, index, now, status)

    def failed(self, index: int, error: int) -> None:
        self.forget(index)
        super().failed(index, error)


class OpenExchanges(Exchanging, OpenLoop):
    """Begins each request when it is due, whatever came of the ones before."""

    def ended(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        OpenLoop.answered(self, connection, index, now, status)

    def failed(self, index: int, error: int) -> None:
        if error == _UNSENT and self.goes_on(index):
            error = _TIMEOUT  # it was sent; what it was to send next was not
        self.forget(index)
        super().failed(index, error)

    def send(self, connection: Connection, index: int) -> None:
        if not self.goes_on(index):
            super().send(connection, index)
            return
        turn = self.turns[index]
        turn.asked_ns = clock()
        connection.index = index
        connection.transport.write(turn.message)

    def rest(self, turn: Turn, connection: Connection | None) -> None:  # noqa: ARG002
        if connection is not None:
            self._use(connection)
        elif self.waiting:
            self.open_more()

    def ask_again(self, index: int, turn: Turn) -> None:  # noqa: ARG002
        while self.free and self.free[-1].gone:
            self.free.pop()
        if self.free:
            self.send(self.free.pop(), index)
        else:
            self.waiting.append(index)
            self.open_more()

    def due_ns(self, index: int) -> int:
        return self.turns[index].asked_ns if self.goes_on(index) else super().due_ns(index)

    def unreached(self, index: int, began: int, error: int) -> None:
        if self.goes_on(index):
            self.failed(index, error)
        else:
            super().unreached(index, began, error)
