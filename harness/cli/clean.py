"""`harness clean`: remove what the harness made outside its results."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK
from harness.cli import _say


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="List what would be removed; remove nothing.")
def command(dry_run: bool) -> int:
    """Remove the harness's caches, containers, images and networks, and what it left in the
    cluster of the current context; results stay."""
    from harness.base import marks, paths
    from harness.base.errors import StoreError
    from harness.measure.launch.containers import engine

    verb = "would remove" if dry_run else "removed"
    failed, strangers = False, []
    for folder in _folders(paths.cache_dir()):
        if not marks.is_on(folder):
            strangers.append(folder)
            continue
        size = _size(folder)
        try:
            if not dry_run:
                marks.remove(folder)
        except StoreError as error:
            _say.line(f"error: {error}", err=True)
            failed = True
            continue
        _say.line(f"{verb} {folder} ({size / 1e6:.0f} MB)")
    if strangers:
        shown = ", ".join(repr(folder.name) for folder in strangers[:3])
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        _say.line(
            f"left alone in {paths.cache_dir()}: {shown}{more}. They lack the harness's "
            f"mark ({marks.NAME}), so they may be yours.",
            err=True,
        )
    _clean_cluster(verb, dry_run=dry_run)
    # Without an engine nothing of ours in it could be reached.
    with suppress(engine.NoEngine):
        for what in engine.clean(engine.connect(), dry_run=dry_run):
            _say.line(f"{verb} {what}")
    return EXIT_FAILED if failed else EXIT_OK


def _clean_cluster(verb: str, *, dry_run: bool) -> None:
    from harness.measure.launch.kubernetes import leftovers

    cluster = leftovers.found()
    if cluster is not None:
        for what in leftovers.clean(cluster, dry_run=dry_run):
            _say.line(f"{verb} {what}")
        for line in leftovers.staying(cluster):
            _say.line(line, err=True)
        cluster.close()


def _folders(cache: Path) -> list[Path]:
    """Those in the cache, links to folders too; none where it can't be read."""
    try:
        return sorted(path for path in cache.iterdir() if path.is_dir())
    except OSError:
        return []


def _size(folder: Path) -> int:
    """Bytes of what is in a folder; of what goes meanwhile, none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            stat = path.lstat()
        except OSError:
            continue
        total += 0 if path.is_dir() and not path.is_symlink() else stat.st_size
    return total
