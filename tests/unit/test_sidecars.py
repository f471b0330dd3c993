"""What is beside a server in a container: its figures, and that it runs as it does without one."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.measure.launch.containers import groups
from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.containers.groups import Lasting
from harness.setup import components
from harness.setup.catalog import Server
from harness.setup.components import COMPONENTS

SHARED = Path(__file__).parents[2] / "servers" / "shared" / "components.py"
PERSISTENT = ("save", "appendonly", "appendfsync", "maxmemory-policy")


def _group(folder: Path, cpu_us: int, memory: int) -> Cgroup:
    """A control group of version 2 as files, which uses that much."""
    folder.mkdir(exist_ok=True)
    files = {
        "cpu.stat": f"usage_usec {cpu_us}\nthrottled_usec 5\n",
        "memory.current": str(memory),
        "memory.stat": "inactive_file 0\n",
        "memory.peak": str(2 * memory),
        "memory.events": "oom_kill 1\n",
        "cgroup.procs": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return Cgroup(version=2, cpu=folder, cpuacct=folder, memory=folder)


def test_what_is_beside_a_server_counts_as_its_own_also_after_it_died(tmp_path: Path) -> None:
    own = _group(tmp_path / "own", 100, 1000)
    beside = [Lasting(_group(tmp_path / "beside", 70, 500))]

    def seen() -> tuple[int, int]:
        found = groups.sample(own, beside, pss=False)
        assert found is not None
        return found["cpu_ns"], found["memory_bytes"]

    assert seen() == (170_000, 1500)
    for file in (tmp_path / "beside").iterdir():  # it died: its group is gone
        file.unlink()
    assert seen() == (170_000, 1000)
    _group(tmp_path / "beside", 7, 400)
    assert seen() == (177_000, 1400)
    _group(tmp_path / "beside", 90, 400)
    assert seen() == (260_000, 1400)
    assert groups.counts(own, beside) == (2800, 15e-6, 3)
    for file in (tmp_path / "own").iterdir():  # the server has ended
        file.unlink()
    assert groups.sample(own, beside, pss=False) is None
    assert groups.counts(own, beside) == (None, None, None)


def test_a_server_is_told_where_it_is() -> None:
    assert components.beside(("redis",)) == {"HARNESS_REDIS_URL": "redis://127.0.0.1:6379"}
    assert components.beside(()) == {}


def test_redis_keeps_the_same_in_a_container_as_in_a_process() -> None:
    command = re.search(r"^CMD (.*)", Server.component("redis").read_text(), re.M | re.S)
    assert command is not None
    words = json.loads(command[1].replace("\\\n", ""))
    there = dict(zip(words[1::2], words[2::2], strict=True))
    here = dict(re.findall(r'"--([a-z-]+)", "([^"]*)"', SHARED.read_text()))
    assert {n: there[f"--{n}"] for n in PERSISTENT} == {n: here[n] for n in PERSISTENT}
    megabytes = int(there["--maxmemory"].removesuffix("mb"))
    assert megabytes < COMPONENTS["redis"].memory_mib  # it refuses before the kernel ends it
