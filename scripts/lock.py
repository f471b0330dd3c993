"""Renew every lock: the harness's own, the servers', the benchmarks' build environments, and that
of the tools that scripts/bench_peers.py runs.

    python scripts/lock.py [NAME ...]      of servers or benchmarks, `project` or `peers`; none:
                                           everything but the canaries, which a history needs as
                                           they were

A server's lock pins the server and what the predictors of every benchmark here need, so that one
environment of a server serves them all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from uv import find_uv_bin

from harness.base import paths
from harness.base.errors import HarnessError, unknown
from harness.measure.prepare import environments
from harness.setup import catalog

EXTRAS = ("frames", "kubernetes", "locust")  # of this project, each with a lock of its own
COMMON = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet"]


def compile_lock(
    inputs: list[Path], output: Path, *options: str, cuda: bool = False, only: str | None = None
) -> None:
    """Resolve the inputs into a lock. Torch is pinned by release alone: which build of it fits,
    CPU or CUDA, and from where, is decided when an environment is made. With `only`, that package
    is renewed, and what else the lock pins stays where it can."""
    present = [str(path) for path in inputs if path.exists()]
    text = "".join(path.read_text() for path in inputs if path.exists())
    torch = environments.torch_version(text)
    if torch is not None:
        # Without --universal: a resolution for other systems would pull the CUDA packages in, and
        # those are there for one system alone.
        options = (*options, *environments.index_options(torch, cuda=cuda))
        common = [option for option in COMMON if option != "--universal"]
    else:
        common = COMMON
    overrides = inputs[0].with_name("overrides.in")
    if overrides.exists():
        options = (*options, "--override", str(overrides))
    if only is not None and torch is None:
        options = (*options, "--output-file", str(output), "--upgrade-package", only)
    command = [find_uv_bin(), "pip", "compile", *common, *options, *present]
    # Else not with that file: uv would prefer what it pins, and of torch its CUDA build.
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=paths.PROJECT)
    if "--output-file" not in options:
        build = torch is not None and not cuda
        output.write_text(_without_build(done.stdout) if build else done.stdout)
    print(os.path.relpath(output))


def _without_build(text: str) -> str:
    return re.sub(
        r"^(torch==[0-9.]+)\+cpu \\\n(?:    --hash=\S+(?: \\)?\n)+",
        r"\1\n",
        text,
        flags=re.MULTILINE,
    )


def server_inputs(server: catalog.Server, backend: str) -> list[Path]:
    """The server's own requirements, and the predictors' of that backend."""
    predictors = [b.requirements(backend) for b in catalog.benchmarks().values()]
    return [(server.folder / "requirements.in"), *predictors]


def is_canary(server: catalog.Server) -> bool:
    """Whether it is there to be measured as it always was."""
    return all(table.reference or table.inside for table in server.table.variant)


def renew(server: catalog.Server, only: str | None = None) -> None:
    """Renew every lock of a server; with `only`, as compile_lock does."""
    for backend in sorted({table.backend for table in server.table.variant}):
        reference = all(t.reference for t in server.table.variant)
        inputs = server_inputs(server, backend)
        inputs = inputs[:1] if reference else inputs
        compile_lock(inputs, server.lock(backend), only=only)
        if any("gpu" in t.devices for t in server.table.variant if t.backend == backend):
            compile_lock(inputs, server.lock(backend, "gpu"), cuda=True, only=only)
    if only is None and has_node(server.folder):
        renew_node(server.folder)


def has_node(folder: Path) -> bool:
    """Whether a server has packages of Node.js."""
    return (folder / "package.json").exists()


def renew_node(folder: Path) -> None:
    """Renew the lock of a server's packages of Node.js, which names no registry."""
    lock = folder / "package-lock.json"
    lock.unlink(missing_ok=True)
    options = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    command = ["npm", "install", *options, "--omit-lockfile-registry-resolved"]
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    print(os.path.relpath(lock))


def renew_benchmark(benchmark: catalog.Benchmark) -> None:
    """Renew the lock of a benchmark's build environment."""
    build = benchmark.folder / "requirements-build.in"
    compile_lock([build, benchmark.requirements("onnx")], build.with_suffix(".txt"))


def renew_peers() -> None:
    """Renew the lock of the tools that this one is measured beside."""
    peers = paths.PROJECT / "scripts" / "peers" / "requirements.in"
    compile_lock([peers], peers.with_suffix(".txt"))


def renew_project() -> None:
    """Renew the harness's own locks."""
    project = paths.PROJECT / "pyproject.toml"
    compile_lock([project], paths.PROJECT / "requirements.txt", "--group", "install")
    for extra in EXTRAS:
        wanted = ["--group", "install", "--extra", extra]
        compile_lock([project], paths.PROJECT / f"requirements-{extra}.txt", *wanted)
    groups = ["--group", "install", "--all-extras", "--group", "dev"]
    compile_lock([project], paths.PROJECT / "requirements-dev.txt", *groups)


def lockable() -> dict[str, list[Callable[[], None]]]:
    """What renews the locks of each name: a server and a benchmark may have the same."""
    found: dict[str, list[Callable[[], None]]] = {}
    for server in catalog.servers().values():
        if server.has_environment:
            found.setdefault(server.name, []).append(partial(renew, server))
    for benchmark in catalog.benchmarks().values():
        if (benchmark.folder / "requirements-build.in").exists():
            found.setdefault(benchmark.name, []).append(partial(renew_benchmark, benchmark))
    return found | {"peers": [renew_peers], "project": [renew_project]}


def main(names: list[str]) -> None:
    """Renew what is named. Raises UsageError for a name without a lock, before anything is."""
    known, servers = lockable(), catalog.servers()
    broken = {**catalog.broken_servers(), **catalog.broken_benchmarks()}
    for name in names:
        if name in broken:
            raise broken[name]
        if name not in known:
            raise unknown("lock", name, known)
    for name in names or [n for n in known if n not in servers or not is_canary(servers[n])]:
        for renewed in known[name]:
            renewed()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: no lock was made: {error.stderr.strip()}")
