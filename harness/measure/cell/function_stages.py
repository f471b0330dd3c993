"""The stages of a function: its windows hold what its front saw, and it can be asked once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from harness.base.errors import HarnessError
from harness.measure.cell import instance_fates
from harness.measure.cell.stages import Stages
from harness.measure.launch.functions import LaunchedFunction
from harness.measure.launch.launchers import Launched
from harness.measure.load.drivers import Firing
from harness.measure.load.generator.job import Job, whole
from harness.stored.records import Startup, Window
from harness.windows import causes
from harness.windows.profiles import CLOSED, Profile

_LOG_S = 0.5  # until the front has written what it has to say


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOnce:
    """One request and its answer; moments are by this host's CLOCK_MONOTONIC."""

    sent_ns: int
    done_ns: int
    trouble: str = ""  # why it was not answered rightly


class FunctionStages(Stages):
    """The stages of a variant whose service starts instances as requests come."""

    def ready(self, launched: Launched) -> Startup | None:
        """As of any server; where it does not come up, with what became of its instances."""
        try:
            return super().ready(launched)
        except HarnessError as error:
            time.sleep(_LOG_S)
            said = "; ".join(each.said for each in instance_fates.of_log(launched.log))
            if not said or said in str(error):
                raise
            raise type(error)(f"{str(error).rstrip('.')}: {said}.") from error

    def once(self, launched: Launched, patience_s: float) -> AskedOnce:
        """Ask the first payload on a connection that stands, and judge its answer."""
        alone = Profile("once", CLOSED, patience_s, concurrency=1)
        job = self._job(launched, alone, np.zeros(1, np.int64), None)
        patience_ns = int(patience_s * 1e9)
        job = replace(job, limit=1, keep_every=1, timeout_ns=patience_ns, resends=False)
        pending = self._fire(launched, job)
        fired = whole(pending.result())
        requests, _, complaints = self._judge(fired)
        if not len(requests):
            now_ns = pending.start_ns
            return AskedOnce(sent_ns=now_ns, done_ns=now_ns, trouble="it could not be sent")
        trouble = ""
        if not requests.ok[0]:
            trouble = next(iter(complaints), causes.told(requests.kinds(), fired.causes))
        start_ns = pending.start_ns
        sent_ns, done_ns = (int(each[0]) for each in (requests.sent_ns, requests.done_ns))
        return AskedOnce(sent_ns=start_ns + sent_ns, done_ns=start_ns + done_ns, trouble=trouble)

    def _window(
        self,
        launched: Launched,
        profile: Profile,
        job: Job,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Window:
        firings: list[Firing] = []

        def noted(firing: Firing) -> None:
            firings.append(firing)
            if meanwhile is not None:
                meanwhile(firing)

        window = super()._window(launched, profile, job, noted)
        if not isinstance(launched, LaunchedFunction):
            return window
        start_ns = firings[0].start_ns
        end_ns = start_ns + int(window.facts.elapsed_s * 1e9)
        return replace(window, invocations=launched.control.invocations(start_ns, end_ns))
