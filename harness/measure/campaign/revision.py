"""Another revision of the project beside this one: checked out, matched with ours, removed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness.base import caches, marks, paths, toml
from harness.base.errors import UsageError
from harness.measure.launch import launchers
from harness.setup import catalog
from harness.setup.catalog import Benchmark, Checkout, Variant
from harness.setup.tables import BenchmarkTable
from harness.stored.revisions import Revision

_FOLDER = "revisions"  # of the cache
_LOCK, _CHECKOUT = "lock", "checkout"
_SHORT = 12  # digits of a commit
# A hook sets them, and they would name its checkout.
_OTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_ALIKE = ("track", "protocol", "backend")  # or two variants are not comparable
Absent = tuple[tuple[str, str], ...]  # (variant, why it is not there)


@contextmanager
def checked_out(wanted: str | Revision | None) -> Iterator[Checkout | None]:
    """Check that revision of servers/ and benchmarks/ out into the cache until the context ends.

    Of a Revision, its commit. Raises UsageError where there is no git, no checkout, no such
    revision, or it has not both folders.
    """
    if wanted is None:
        yield None
        return
    top = _top()
    found = wanted if isinstance(wanted, Revision) else _revision(top, wanted)
    with _place(top) as folder:
        _git(
            top,
            *("-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet"),
            *(str(folder), found.commit),
        )
        try:
            yield Checkout(
                found,
                _inside(folder, top, paths.servers_dir(), found),
                _inside(folder, top, paths.benchmarks_dir(), found),
            )
        finally:
            _forget(top, folder)


def counterparts(
    checkout: Checkout, chosen: Sequence[Variant], renamed: Mapping[str, str]
) -> tuple[list[Variant], Absent]:
    """(ours, each followed by the other revision's; what that does not have).

    `renamed` has new names by old ones. The null server stays alone: it is a floor, no contender.
    The reference in process has a counterpart, which shows what chance alone does.
    """
    theirs = catalog.variants(checkout.servers)
    was = {new: old for old, new in renamed.items()}
    found: list[Variant] = []
    absent = []
    for variant in chosen:
        found.append(variant)
        if variant.endpoint is not None or variant.table.reference:
            continue
        old = was.get(variant.table.name, variant.table.name)
        reason = _why_not(variant, old, theirs.get(old))
        if reason is not None:
            why = f"{checkout.revision.name} {reason}"
            absent.append((replace(variant, checkout=checkout).name, why))
            continue
        table = theirs[old].table.model_copy(update={"name": variant.table.name})
        other = replace(theirs[old], table=table, launcher=variant.launcher, checkout=checkout)
        found.append(other)
    if absent and all(v.checkout is None or v.table.inside for v in found):
        reasons = "; ".join(why for _, why in absent)
        raise UsageError(f"--against: there is nothing to compare: {reasons}.")
    return found, tuple(absent)


def _why_not(ours: Variant, old: str, theirs: Variant | None) -> str | None:
    """The reason why another revision has no counterpart of a variant, or None."""
    if theirs is None:
        return f"has no variant {old!r}"
    for field in _ALIKE:
        was, now = getattr(theirs.table, field), getattr(ours.table, field)
        if was != now:
            return f"has {old!r} with the {field} {was} instead of {now}: not comparable"
    return None


def require_same_load(checkout: Checkout, benchmarks: Sequence[Benchmark]) -> None:
    """Raises UsageError where the other revision's benchmark asks other questions."""
    name = checkout.revision.name
    for benchmark in benchmarks:
        folder = checkout.benchmarks / benchmark.folder.name
        if not (folder / "benchmark.toml").exists():
            raise UsageError(f"--against: {name} has no benchmark {benchmark.name!r}.")
        there = toml.load(folder / "benchmark.toml", BenchmarkTable).version
        here = benchmark.table.version
        if there != here:
            raise UsageError(
                f"--against: {benchmark.name} has version {there} in {name} and {here} here, and "
                "versions are never compared. Choose another --benchmark."
            )
        questions = [f / "payloads.jsonl" for f in (folder, benchmark.folder)]
        old, new = (path.read_bytes() if path.exists() else b"" for path in questions)
        if old != new:
            raise UsageError(
                f"--against: {benchmark.name} has other payloads in {name}, so the two can't be "
                "compared. Choose another --benchmark."
            )


def _top() -> Path:
    """The root of the checkout that the servers and benchmarks are in."""
    found = [
        Path(_git(folder, "rev-parse", "--show-toplevel"))
        for folder in (paths.servers_dir(), paths.benchmarks_dir())
    ]
    if found[0] != found[1]:
        raise UsageError(
            f"--against: {paths.servers_dir()} and {paths.benchmarks_dir()} are not in one git "
            "checkout, so no revision has both."
        )
    return found[0]


def _revision(top: Path, ref: str) -> Revision:
    """The commit that a name stands for, and a name for it that can be a part of a file's."""
    try:
        commit = _git(
            top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
    except UsageError as error:
        raise UsageError(
            f"--against: git knows no revision {ref!r} in {top}. A shallow clone lacks the others: "
            "git fetch --unshallow."
        ) from error
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", ref).strip("-.")
    taken = name in launchers.registered() or re.fullmatch(r"[0-9a-f]{7,40}", name)
    return Revision(commit[:_SHORT] if taken or not name else name, commit)


def _inside(folder: Path, top: Path, ours: Path, found: Revision) -> Path:
    """The folder of a checkout that stands for one of ours."""
    theirs = folder / ours.resolve().relative_to(top)
    if not theirs.is_dir():
        raise UsageError(f"--against: {found.name} has no folder {theirs.relative_to(folder)}.")
    return theirs


@contextmanager
def _place(top: Path) -> Iterator[Path]:
    """A folder of the cache for a checkout; removed with the context, or by the next one."""
    root = caches.folder(_FOLDER)
    with caches.locked(root / f".{_LOCK}"):
        for left in filter(marks.is_on, root.glob("*/")):
            _remove_if_dead(top, left)
        own = Path(tempfile.mkdtemp(dir=root))
        marks.put(own)
        descriptor = _locked(own)
    try:
        yield own / _CHECKOUT
    finally:
        shutil.rmtree(own, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _remove_if_dead(top: Path, place: Path) -> None:
    """Remove what a killed harness left: its lock is no longer held."""
    descriptor = _locked(place)
    if descriptor is not None:
        _forget(top, place / _CHECKOUT)
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def _forget(top: Path, checkout: Path) -> None:
    """Take a checkout off git's list, where it is on it."""
    # Not `worktree prune`: it would forget those on another disk too.
    with suppress(UsageError):
        _git(top, "worktree", "remove", "--force", str(checkout))


def _locked(place: Path) -> int | None:
    descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _git(folder: Path, *arguments: str) -> str:
    """The output of git, stripped. Raises UsageError with its error message."""
    environment = {k: v for k, v in os.environ.items() if k not in _OTHERS}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise UsageError("--against needs git, which is not installed.") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"git ended with exit code {done.returncode}"
        raise UsageError(f"--against: {folder} can't be used as a git checkout: {said}")
    return done.stdout.strip()
