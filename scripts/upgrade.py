"""Each framework's newest release beside the locked one, in one campaign.

    python scripts/upgrade.py [SERVER ...] [--preset quick] [--rounds 6] [--lock-only]

A worktree of this commit is made in the cache, and there each server's framework is let go of its
pin and locked anew; what else its lock pins stays where the newer release allows it. The canaries
are left as they are. Then that worktree is measured `--against` this commit: the table that ends it
says what the upgrade costs or brings, and each row's own name is the newer release. Nothing of this
checkout is changed; `--lock-only` shows what there is to gain before anything is measured.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lock as locking
from harness.base import caches, paths
from harness.base.errors import UsageError
from harness.measure.prepare import environments
from harness.setup import catalog
from harness.setup.catalog import Server


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A server whose framework has a newer release."""

    server: str
    package: str
    locked: str
    newest: str
    variants: tuple[str, ...]


def pinned(lock: Path, package: str) -> str | None:
    """The version of a package that a lock pins."""
    name = re.sub(r"[-_.]+", "[-_.]+", re.escape(package).replace(r"\-", "-"))
    found = re.search(
        rf"^{name}(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(), flags=re.MULTILINE | re.I
    )
    return found[1] if found else None


def unpinned(requirements: str, package: str) -> str:
    """A requirements.in without the pin of that package; the others' pins stay."""
    own = environments.canonical(package)
    lines = []
    for line in requirements.splitlines():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and environments.canonical(name[0]) == own:
            line = re.sub(r"==[^\s;#]+", "", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def upgradable(servers: Sequence[Server]) -> list[Server]:
    """Those that have a framework to upgrade. Canaries have none: they stay as they always were;
    and that of others is a package of Node.js, which they pin for good."""
    return [
        server
        for server in servers
        if server.has_environment
        and server.table.package
        and not locking.is_canary(server)
        and not locking.has_node(server.folder)
    ]


def renew(server: Server) -> Upgrade | None:
    """Lock a server's framework at its newest release; None where that is what is locked.

    Raises CalledProcessError where there is no set of releases that fit each other, UsageError
    where the lock has no such package.
    """
    package = server.table.package or ""
    wanted = server.folder / "requirements.in"
    wanted.write_text(unpinned(wanted.read_text(), package))
    lock = next(iter(sorted(server.folder.glob("requirements*.txt"))))
    old = pinned(lock, package)
    locking.renew(server, only=package)
    new = pinned(lock, package)
    names = tuple(table.name for table in server.table.variant if table.in_all)
    if old is None or new is None:
        raise UsageError(f"{lock.name} does not pin {package}, which server.toml names")
    if old == new or not names:
        return None
    return Upgrade(server.name, package, old, new, names)


@contextmanager
def beside() -> Iterator[None]:
    """Work on a worktree of this commit, which goes with the context."""
    servers, benchmarks = paths.servers_dir().resolve(), paths.benchmarks_dir().resolve()
    own = {"HARNESS_RESULTS": paths.results_dir(), "HARNESS_REPORTS": paths.reports_dir()}
    top = Path(_git(servers, "rev-parse", "--show-toplevel"))
    place = Path(tempfile.mkdtemp(dir=caches.folder("upgrades")))
    folder = place / "checkout"
    _git(top, "worktree", "add", "--detach", "--quiet", str(folder), "HEAD")
    try:
        own["HARNESS_SERVERS"] = folder / servers.relative_to(top)
        own["HARNESS_BENCHMARKS"] = folder / benchmarks.relative_to(top)
        os.environ |= {name: str(path.resolve()) for name, path in own.items()}
        yield
    finally:
        _git(top, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(place, ignore_errors=True)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def found(names: Sequence[str]) -> Iterator[Upgrade]:
    """What can be upgraded of the servers named, or of all; says what it finds."""
    known = catalog.servers()
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"There is no server {', '.join(unknown)}.")
    for server in upgradable([known[name] for name in names or known]):
        try:
            upgrade = renew(server)
        except subprocess.CalledProcessError as error:
            why = " ".join((error.stderr or "").split())[-300:]
            print(f"{server.name}: its newest release can't be locked: {why}", flush=True)
            continue
        except UsageError as error:
            print(f"{server.name}: {error}", flush=True)
            continue
        if upgrade is None:
            print(f"{server.name}: the newest {server.table.package} is locked", flush=True)
            continue
        print(f"{server.name}: {upgrade.package} {upgrade.locked} -> {upgrade.newest}", flush=True)
        yield upgrade


def measure(variants: Sequence[str], preset: str, rounds: int, campaign: str | None) -> int:
    """Run both in one campaign; its exit code."""
    command = [sys.executable, "-m", "harness", "run", *variants]
    command += ["--against", "HEAD", "--preset", preset, "--rounds", str(rounds)]
    command += ["--campaign", campaign] if campaign else []
    return subprocess.run(command, cwd=paths.PROJECT, check=False).returncode


def main() -> int:
    """Find the upgrades, measure them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("servers", nargs="*", metavar="SERVER")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--campaign", help="Its name.")
    parser.add_argument("--lock-only", action="store_true", help="Measure nothing.")
    options = parser.parse_args()
    with beside():
        upgrades = list(found(options.servers))
        variants = [name for upgrade in upgrades for name in upgrade.variants]
        if options.lock_only or not variants:
            return 0
        return measure(variants, options.preset, options.rounds, options.campaign)


if __name__ == "__main__":
    sys.exit(main())
