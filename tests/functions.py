"""Functions whose instances are processes, started for tests from `servers/_function`."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.functions import control_groups, instance_places, launched
from harness.measure.launch.functions.launched import LaunchedFront
from harness.measure.launch.functions.process_ground import ProcessGround
from harness.measure.launch.functions.process_instances import GROUP
from harness.measure.launch.launchers import LaunchOrder, lambda_
from harness.setup import catalog
from tests.system.sandbox import LONG_S

NO_MODEL = {"HARNESS_PREDICTOR": ""}


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Function:
    """One that was started."""

    launched: LaunchedFront
    name: str
    cpus: tuple[int, ...]
    records: Path

    def ask(self, body: Any = None, path: str = "/predict", method: str = "POST") -> Answer:
        """A request on a connection of its own."""
        connection = HTTPConnection(self.launched.host, self.launched.port, timeout=LONG_S)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
            headers = {"content-type": "application/json"}
            connection.request(method, path, None if method == "GET" else data, headers)
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def invoke(self, event: Any = None) -> Answer:
        """By the Invoke API."""
        return self.ask(event, f"/2015-03-31/functions/{self.name}/invocations")

    def burst(
        self, bodies: list[Any], meanwhile: Callable[[], None] = lambda: None
    ) -> list[Answer]:
        """All at once; their answers in the same order. Raises what a client met."""
        found: list[Answer | Exception | None] = [None] * len(bodies)
        ready = threading.Barrier(len(bodies))

        def ask(place: int) -> None:
            ready.wait()
            try:
                found[place] = self.ask(bodies[place])
            except Exception as error:
                found[place] = error

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(bodies))]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()
        errors = [each for each in found if isinstance(each, Exception)]
        if errors:
            raise errors[0]
        return [each for each in found if isinstance(each, Answer)]

    def log(self) -> str:
        return self.launched.log.read_text()

    @property
    def group(self) -> Cgroup:
        ground = self.launched._ground
        assert isinstance(ground, ProcessGround)
        return ground.group


def order(name: str, scratch: Path, environment: Mapping[str, str], **function: Any) -> LaunchOrder:
    """The order of a variant of `servers/_function`, told otherwise so far."""
    found, noop = catalog.variants()[name], catalog.benchmarks()["noop"]
    assert found.table.function is not None
    table = found.table.model_copy(
        update={
            "function": found.table.function.model_copy(update=function),
            "environment": {**found.table.environment, **environment},
        }
    )
    found = replace(found, table=table)
    return LaunchOrder(
        variant=found,
        provided=lambda_.ProcessKind().provide(found, noop, scratch, "cpu"),
        benchmark=noop,
        artefact=scratch,
        threads=1,
        device="cpu",
        cpus=tuple(sorted(os.sched_getaffinity(0)))[-1:],
        signature={},
        scratch=scratch,
    )


@contextmanager
def started(
    scratch: Path,
    name: str = "_function",
    environment: Mapping[str, str] = NO_MODEL,
    front: Mapping[str, Any] | None = None,
    **function: Any,
) -> Iterator[Function]:
    """A function, as long as the context lasts; `front` are other parts of the front's order."""
    made = order(name, scratch, environment, **function)
    launched.folders(made)
    ground = ProcessGround(order=made)
    own = {GROUP: control_groups.as_json(ground.group)}
    instance = lambda_.instance_order(made)
    told = replace(
        lambda_.front_order(made, instance_places.PROCESS, instance, own), **(front or {})
    )
    found = launched.free_of(ground, lambda: LaunchedFront(made, told, ground))
    try:
        yield Function(found, name, made.cpus, Path(told.records))
    finally:
        found.stop()
        assert not ground.group.memory.exists()
