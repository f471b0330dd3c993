"""A server's reaction to wrong payloads, and to the death of the process that holds its model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from harness.base.secrecy import beginning
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.load.generator.job import whole
from harness.measure.load.generator.pool import requests_of
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Asker, SaidToFail, Unanswered
from harness.protocols import Message
from harness.setup.answering import REFUSED
from harness.stored.lifecycle import Trial
from harness.windows.profiles import Profile, payload_order
from harness.windows.samples import Requests

_PATIENCE_S = 20.0  # a fault may be slow to refuse: ten megabytes are parsed first
_RECOVERY_S = 20.0
_CALLERS = 4
_BEFORE_S, _AFTER_S = 1.0, 4.0  # the kill within its window
_HUGE = 10_000_000  # characters
# Names that a request gives its parts by; each is replaced by an unused name of the same length.
_NAMES = (b'"instances"', b"text", b"numbers", b'"ndarray"')
KILLED = "worker killed"
LISTENS = "listens beyond loopback"


class PatientStages(Stages):
    """Verifies every payload, however long that takes."""

    verify_limit_s = 900.0


class FaultStages(PatientStages):
    """Verifies like the others, then inflicts every fault and keeps what came of it."""

    trials: tuple[Trial, ...] = ()

    def verify(self, launched: Launched) -> int:
        """All payloads rightly, then the faults; the killing comes last."""
        count = super().verify(launched)
        exposed = launched.exposed()
        with asking.asker(launched, self.talk.protocol, self.talk.path) as ask:
            found = [self._try(ask, what, message) for what, message in self._wrong()]
        listening = Trial(
            fault=LISTENS, status=0, said=", ".join(exposed), serves=not exposed, recovery_s=0.0
        )
        self.trials = (listening, *found, self._kill(launched))
        return count

    def _wrong(self) -> Iterator[tuple[str, Message]]:
        right = self.talk.messages[0]
        yield "not JSON", replace(right, body=b"\xff{this is not what was asked for", query="")
        yield "wrong type", self.talk.protocol.encode([{"neither": ["text", None]}])
        yield "empty text", self.talk.protocol.encode([""])
        yield "10 MB of text", self.talk.protocol.encode(["a " * (_HUGE // 2)])
        for name in _NAMES:
            if name in right.body:
                unknown = name.replace(name.strip(b'"'), b"x" * len(name.strip(b'"')))
                yield "unknown name", replace(right, body=right.body.replace(name, unknown))
                return

    def _try(self, ask: Asker, what: str, message: Message) -> Trial:
        status, failed = 0, False
        try:
            reply = ask(message, _PATIENCE_S)
            status, said = reply.status, reply.words
        except Unanswered as error:
            said, failed = str(error), isinstance(error, SaidToFail)
        began = time.monotonic()
        return Trial(
            fault=what,
            status=status,
            said=beginning(" ".join(said.split()), 200),
            serves=self._serves(ask),
            recovery_s=_since(began),
            failed=failed,
        )

    def _serves(self, ask: Asker) -> bool:
        """Whether a right payload is still answered rightly."""
        end = time.monotonic() + _RECOVERY_S
        while True:
            try:
                reply = ask(self.talk.messages[0], _PATIENCE_S)
                if reply.is_success and self.talk.answers.judge(0, reply.body)[0] == 0:
                    return True
            except Unanswered:
                pass
            if time.monotonic() > end:
                return False
            time.sleep(0.05)

    def _kill(self, launched: Launched) -> Trial:
        """SIGKILL to the process that made the last prediction, in the middle of a load."""
        order = payload_order(len(self.talk.messages), 4096, 0)
        load = Profile("killed", "closed", _BEFORE_S + _AFTER_S, concurrency=_CALLERS)
        job = replace(self._job(launched, load, order, None), resends=False)
        pending = self._generator.start(job)
        pending.wait(_BEFORE_S)
        # The job that predicted is over, and nobody else of such a server predicts.
        stored = self.variant.table.misses == REFUSED
        pids = [] if stored else launched.calls().latest()
        killed_ns = time.monotonic_ns() - pending.start_ns
        if pids:
            launched.kill(pids[0])
        while not pending.wait(1.0):
            pass
        requests = requests_of(whole(pending.result()))
        began = time.monotonic()
        # A new channel: the old one would wait before it connects again.
        with asking.asker(launched, self.talk.protocol, self.talk.path) as ask:
            serves = launched.exited() is None and self._serves(ask)
        recovery_s = _since(began)
        said = _told(requests, killed_ns, launched.exited()) if pids else "no process was found"
        if serves and not said.endswith("later"):
            said += f"; right answers {recovery_s:.1f} s after the load had ended"
        return Trial(fault=KILLED, status=0, said=said, serves=serves, recovery_s=recovery_s)


def _told(requests: Requests, killed_ns: int, exited: str | None) -> str:
    failed = int((~requests.ok).sum())
    after = requests.done_ns[requests.ok & (requests.sent_ns > killed_ns)]
    if exited is not None:
        end = f"the server is gone: {exited}"
    elif len(after):
        end = f"answers came again {(np.min(after) - killed_ns) / 1e9:.1f} s later"
    else:
        end = f"no answer came within {_AFTER_S:g} s"
    return f"{failed} of {len(requests)} requests failed; {end}"


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
