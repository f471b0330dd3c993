"""The facts available to findings and metrics: a further fact becomes a field here, not an
argument."""

from __future__ import annotations

from dataclasses import dataclass

from harness.setup.answering import COMPUTED, Missing
from harness.stored.hosts import HostProof
from harness.stored.plan import to_verify
from harness.stored.records import Campaign, Run, RunFacts, Window, WindowFacts
from harness.windows.samples import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowContext:
    """One window, and what is known beside it."""

    window: Window
    proof: HostProof | None = None  # what the generator can do on that host
    misses: Missing = COMPUTED  # of the server's stored answers
    refuses_beyond: int | None = None  # requests at a time, as the server declares

    @property
    def facts(self) -> WindowFacts:
        return self.window.facts

    @property
    def requests(self) -> Requests:
        return self.window.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run, and what is known beside it."""

    run: Run
    to_verify: int = 0  # answers that were to be compared before timing
    proof: HostProof | None = None
    floor: Run | None = None  # the predictor in process, same benchmark and round
    null: Run | None = None  # the server that does nothing, same benchmark and round

    @property
    def facts(self) -> RunFacts:
        return self.run.facts

    def of(self, window: Window) -> WindowContext:
        """One of the run's windows in the same surroundings."""
        server = self.facts.server
        return WindowContext(
            window=window,
            proof=self.proof,
            misses=server.misses,
            refuses_beyond=server.refuses_beyond,
        )


def within(
    campaign: Campaign, run: Run, floor: Run | None = None, null: Run | None = None
) -> RunContext:
    """A run as a part of its campaign."""
    known = campaign.benchmarks.get(run.cell.benchmark_name)
    wanted = to_verify(known.payloads, run.cell.round, known.verify_share) if known else ()
    return RunContext(run=run, to_verify=len(wanted), proof=campaign.proof, floor=floor, null=null)
