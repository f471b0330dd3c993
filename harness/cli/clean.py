"""`harness clean`: remove what the harness made outside its results."""

from __future__ import annotations

import shutil

import click


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="Show what would go; remove nothing.")
def command(dry_run: bool) -> None:
    """Remove what the harness made outside its results: caches, containers, images, networks."""
    from harness import paths
    from harness.measure.containers import engine

    verb = "would remove" if dry_run else "removed"
    kinds = ("environments", "artefacts", "weights", "images", "nights", "revisions", "test-tools")
    for kind in kinds:
        folder = paths.cache_dir() / kind
        if not folder.exists():
            continue
        size = sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir())
        if not dry_run:
            shutil.rmtree(folder)
        click.echo(f"{verb} {folder} ({size / 1e6:.0f} MB)")
    if not dry_run:
        (paths.cache_dir() / "costs.json").unlink(missing_ok=True)
    try:
        client = engine.connect()
    except engine.NoEngine:
        return  # so there is nothing of ours in it that could be reached
    for what in engine.clean(client, dry_run=dry_run):
        click.echo(f"{verb} {what}")
