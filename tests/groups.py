"""Control groups as files, for what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def written(folder: Path, process: str, said: str, files: Mapping[str, str]) -> tuple[Path, Path]:
    """(the file system of control groups, that of processes), where a process is in the groups that
    are said."""
    for name, text in files.items():
        path = folder / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "proc" / process).mkdir(parents=True)
    (folder / "proc" / process / "cgroup").write_text(said)
    return folder / "sys", folder / "proc"
