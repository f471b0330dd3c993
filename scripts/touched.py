"""Which variants a change touches, for the workflow that measures it beside its base.

    python scripts/touched.py REF

It prints `variants=NAME NAME ...`, and nothing behind the sign where there is none.
A server's own folder touches its variants; what servers or benchmarks share touches all of them. A
server that the other revision does not have can't be set beside anything.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

from harness.base import paths
from harness.setup import catalog

EVERYTHING = "--all"


def touched(
    files: Sequence[str], variants: Mapping[str, Sequence[str]], there: Sequence[str]
) -> list[str]:
    """Names of variants, or what stands for all, by the changed files; `variants` by server."""
    found: list[str] = []
    for name in files:
        parts = name.split("/")
        if parts[0] == "benchmarks" or (parts[0] == "servers" and parts[1] not in variants):
            return [EVERYTHING]
        if parts[0] == "servers" and parts[1] in there:
            found += variants[parts[1]]
    return list(dict.fromkeys(found))


def main() -> None:
    """Ask git, print."""
    ref = sys.argv[1]
    variants = {
        server.name: [t.name for t in server.table.variant if t.in_all and t.name[0] != "_"]
        for server in catalog.servers().values()
    }
    files = _git("diff", "--name-only", f"{ref}...HEAD", "--", "servers", "benchmarks")
    there = [line.split("/")[1] for line in _git("ls-tree", "-d", "--name-only", ref, "servers/")]
    print(f"variants={' '.join(touched(files, variants, there))}")


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=paths.PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
