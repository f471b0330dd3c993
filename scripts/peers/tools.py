"""The load tools: how each is run for one window, and what comes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from harness.base.errors import HarnessError, ProvisionError
from harness.measure.load.drivers import Driver
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.pool import requests_of
from harness.measure.prepare import environments
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.windows.samples import Requests
from peers import reports
from peers.reports import Report
from peers.truth import Figures, Plan, schedule
from peers.up import Up

FOLDER = Path(__file__).parent
JSON = "application/json"
_CALLERS = 16  # of the tools that have callers; this driver opens as many connections beforehand
_TIMEOUT_S = 10.0
_GRACE_S = 60.0  # for a tool to start and end, beside its window


@dataclass(frozen=True, slots=True)
class Load:
    """What every tool is asked to do, as far as it can."""

    rate_per_s: float
    count: int
    seed: int

    @property
    def seconds(self) -> float:
        return self.count / self.rate_per_s


@dataclass(frozen=True, slots=True)
class Kit:
    """What the tools run with."""

    generator: Driver
    folder: Path  # for what they write
    python: Path | None  # of the environment with Locust and LoadGen
    why_no_python: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a window; the plan where the tool has one."""

    report: Report
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A load tool."""

    name: str
    fire: Callable[[Kit, Load, Up], Told]
    missing: Callable[[Kit], str | None]  # why it can't be run here


OURS = "this driver"
TOOLS: dict[str, Tool] = {}


def environment() -> tuple[Path | None, str]:
    """(Python of the environment with Locust and LoadGen, why there is none)."""
    try:
        return environments.ensure("peers", FOLDER / "requirements.txt").python, ""
    except ProvisionError as error:
        return None, str(error)


def _nothing(_: Kit) -> None:
    return None


def _program(name: str) -> Callable[[Kit], str | None]:
    def missing(_: Kit) -> str | None:
        return None if shutil.which(name) else f"not installed; on Debian: apt-get install {name}"

    return missing


def _packaged(kit: Kit) -> str | None:
    return None if kit.python else kit.why_no_python


def _tool(
    name: str, missing: Callable[[Kit], str | None]
) -> Callable[[Callable[[Kit, Load, Up], Told]], Callable[[Kit, Load, Up], Told]]:
    def register(fire: Callable[[Kit, Load, Up], Told]) -> Callable[[Kit, Load, Up], Told]:
        TOOLS[name] = Tool(name, fire, missing)
        return fire

    return register


def fire_ours(generator: Driver, load: Load, up: Up) -> tuple[Requests, Plan]:
    """A window of this driver, as `harness load` fires it; each request says its number."""
    due_ns = schedule(load.rate_per_s, load.count, load.seed)
    numbered = [Message(up.body, headers={"X-Request": str(n)}) for n in range(load.count)]
    goal = target(up.url, numbered, (("Content-Type", JSON),))
    numbers = np.arange(load.count, dtype=np.int64)
    duration_ns, timeout_ns = int(load.seconds * 1e9), int(_TIMEOUT_S * 1e9)
    job = Job(
        target=goal,
        start_ns=0,
        duration_ns=duration_ns,
        payload=numbers,
        due_ns=due_ns,
        concurrency=_CALLERS,
        limit=None,
        timeout_ns=timeout_ns,
        keep_every=0,
    )
    job = replace(job, resends=False)  # so that the truth server counts each once
    pending = generator.start(job)
    while not pending.wait(1.0):
        pass
    return requests_of(pending.result()), Plan(pending.start_ns, due_ns)


@_tool(OURS, _nothing)
def ours(kit: Kit, load: Load, up: Up) -> Told:
    """The native driver: open loop, the schedule that LoadGen has."""
    requests, plan = fire_ours(kit.generator, load, up)
    rate = len(requests) / (requests.done_ns.max() / 1e9)
    failed = int((~requests.ok).sum())
    figures = Figures.of(requests.response_ns())
    return Told(Report(figures, rate, len(requests), failed), plan)


@_tool("LoadGen", _packaged)
def loadgen(kit: Kit, load: Load, up: Up) -> Told:
    """MLPerf LoadGen's Server scenario: open loop, Poisson."""
    folder = kit.folder / "loadgen"
    order = {"url": up.url, "body": up.body.decode(), "timeout_s": _TIMEOUT_S, **asdict(load)}
    order["folder"] = str(folder)
    program = str(FOLDER / "loadgen_client.py")
    text = _said(kit, [str(kit.python), program, json.dumps(order)], load)
    said = json.loads(text.splitlines()[0])
    summary = (folder / "mlperf_log_summary.txt").read_text(encoding="utf-8")
    due_ns = schedule(load.rate_per_s, load.count, load.seed)
    told, known = reports.scheduled_rate(summary), (load.count - 1) / (due_ns[-1] / 1e9)
    if abs(told - known) > 0.02:  # it says two decimals
        raise reports.NotUnderstood(
            f"LoadGen scheduled {told}/s where its known schedule has {known:.2f}/s: without it "
            "the due time of a request is unknown."
        )
    # It issues nothing before it is due, and of so many requests one almost at once.
    start_ns = int((np.array(said["issued_ns"]) - due_ns).min())
    return Told(reports.of_loadgen(summary, said["failed"]), Plan(start_ns, due_ns))


@_tool("hey", _program("hey"))
def hey(kit: Kit, load: Load, up: Up) -> Told:
    """hey with a rate for each of its callers."""
    command = ["hey", "-z", f"{load.seconds:g}s", "-c", str(_CALLERS)]
    command += ["-q", f"{load.rate_per_s / _CALLERS:g}", "-t", f"{_TIMEOUT_S:g}", "-m", "POST"]
    command += ["-T", JSON, "-D", str(_body(kit, up)), up.url]
    return Told(reports.of_hey(_said(kit, command, load)))


@_tool("Locust", _packaged)
def locust(kit: Kit, load: Load, up: Up) -> Told:
    """Locust's FastHttpUser with a constant throughput for each user."""
    command = [str(kit.python), "-m", "locust", "-f", str(FOLDER / "locustfile.py"), "--headless"]
    command += ["-u", str(_CALLERS), "-r", str(_CALLERS), "--only-summary"]
    command += ["--exit-code-on-error", "0"]
    knows = {
        "PEERS_BODY": str(_body(kit, up)),
        "PEERS_URL": up.url,
        "PEERS_RATE_PER_USER": str(load.rate_per_s / _CALLERS),
        "PEERS_SECONDS": str(load.seconds),
        "PEERS_TIMEOUT_S": str(_TIMEOUT_S),
    }
    return Told(reports.of_locust(_said(kit, command, load, knows)))


@_tool("wrk", _program("wrk"))
def wrk(kit: Kit, load: Load, up: Up) -> Told:
    """wrk: a closed loop, as fast as it goes."""
    script = kit.folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = io.open("{_body(kit, up)}", "rb"):read("*a")\n'
        f'wrk.headers["Content-Type"] = "{JSON}"\n'
    )
    command = ["wrk", "-t1", f"-c{_CALLERS}", f"-d{round(load.seconds)}s", "--latency"]
    command += ["--timeout", f"{_TIMEOUT_S:g}s", "-s", str(script), up.url]
    return Told(reports.of_wrk(_said(kit, command, load)))


def _body(kit: Kit, up: Up) -> Path:
    path = kit.folder / "body"
    path.write_bytes(up.body)
    return path


def _said(kit: Kit, command: list[str], load: Load, knows: Mapping[str, str] | None = None) -> str:
    """What a tool printed, errors last. It runs on this process's CPUs, which are the generator's.

    Raises HarnessError where it failed, or did not end.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=kit.folder,
            env={**os.environ, **(knows or {})},
            timeout=load.seconds + _GRACE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"{name} did not end in {error.timeout:g} seconds.") from error
    if done.returncode:
        tail = " ".join(done.stderr.split())[-300:]
        raise HarnessError(f"{name} ended with exit code {done.returncode}: {tail}")
    return done.stdout + done.stderr
