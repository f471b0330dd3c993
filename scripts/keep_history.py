"""Keep the summaries of campaigns on a branch of their own, which has nothing else.

    python scripts/keep_history.py fetch FOLDER [--remote origin] [--branch history]
    python scripts/keep_history.py push FOLDER [--remote origin] [--branch history]

`fetch` copies what is on the branch into a folder, `push` adds the folder's summaries to the
branch; where there is no such branch, the one copies nothing and the other begins it. Neither
touches the checkout. `python -m harness history results FOLDER` reads them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

SUFFIX = ".night.json"
_PLACE = "nights"  # the folder on the branch
_MOST_BYTES = 16 << 20  # as `history` reads
_TRIES = 5  # other jobs may push at the same time
_WHO = {
    "GIT_AUTHOR_NAME": "serving-harness",
    "GIT_AUTHOR_EMAIL": "serving-harness@localhost",
    "GIT_COMMITTER_NAME": "serving-harness",
    "GIT_COMMITTER_EMAIL": "serving-harness@localhost",
}


def fetch(folder: Path, remote: str, branch: str) -> int:
    """Copy the branch's summaries into a folder; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    commit = _newest(remote, branch)
    if commit is None:
        return 0
    command = ["git", "archive", "--format=tar", commit, _PLACE]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as packing:
        assert packing.stdout is not None
        count = unpack(packing.stdout, folder)
    if packing.returncode:
        raise subprocess.CalledProcessError(packing.returncode, command)
    return count


def unpack(packed: IO[bytes], folder: Path) -> int:
    """Unpack an archive's summaries into a folder; return their number. Anyone with push access may
    have put anything on the branch: links, folders and what is too large are passed over."""
    count = 0
    try:
        with tarfile.open(fileobj=packed, mode="r|") as archive:
            for member in archive:
                name = Path(member.name).name
                if not name.endswith(SUFFIX):
                    continue
                if not member.isreg() or member.size > _MOST_BYTES:
                    print(f"left out: {name!a} is not a summary", file=sys.stderr)
                    continue
                data = archive.extractfile(member)
                assert data is not None
                (folder / name).write_bytes(data.read())
                count += 1
    except (tarfile.TarError, ArithmeticError, EOFError, LookupError, RecursionError) as error:
        sys.exit(f"What git packed can't be unpacked: {error}")
    return count


def push(folder: Path, remote: str, branch: str) -> int:
    """Add a folder's summaries to the branch; how many there are. Raises CalledProcessError."""
    kept = sorted(folder.glob(f"*{SUFFIX}"))
    for number in range(1, _TRIES + 1):
        parent = _newest(remote, branch)
        commit = _commit(kept, parent)
        if commit is None:
            return len(kept)
        try:
            _git("push", "--quiet", remote, f"{commit}:refs/heads/{branch}")
            return len(kept)
        except subprocess.CalledProcessError:
            if number == _TRIES:
                raise
    raise AssertionError("the last try returns or raises")


def _newest(remote: str, branch: str) -> str | None:
    """The branch's newest commit, or None where there is no such branch."""
    if not _git("ls-remote", "--heads", remote, f"refs/heads/{branch}").strip():
        return None
    _git("fetch", "--quiet", "--depth=1", remote, f"refs/heads/{branch}")
    return _git("rev-parse", "FETCH_HEAD").decode().strip()


def _commit(kept: list[Path], parent: str | None) -> str | None:
    """A commit that has those files too; None where the parent has them all already."""
    with tempfile.TemporaryDirectory(prefix="history-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git("read-tree", *([parent] if parent else ["--empty"]), **index)
        for path in kept:
            blob = _git("hash-object", "-w", "--", str(path.resolve())).decode().strip()
            entry = f"100644,{blob},{_PLACE}/{path.name}"
            _git("update-index", "--add", "--cacheinfo", entry, **index)
        tree = _git("write-tree", **index).decode().strip()
    if parent and _git("rev-parse", f"{parent}^{{tree}}").decode().strip() == tree:
        return None
    above = ["-p", parent] if parent else []
    message = f"{len(kept)} campaigns"
    return _git("commit-tree", tree, *above, "-m", message).decode().strip()


def _git(*arguments: str, **more: str) -> bytes:
    environment = {**_WHO, **os.environ, **more}
    done = subprocess.run(
        ["git", *arguments], env=environment, stdout=subprocess.PIPE, stderr=None, check=True
    )
    return done.stdout


def main() -> None:
    """Fetch or push."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["fetch", "push"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--remote", default="origin")
    parser.add_argument("--branch", default="history")
    options = parser.parse_args()
    try:
        count = {"fetch": fetch, "push": push}[options.what](
            options.folder, options.remote, options.branch
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"git {error.cmd[1]} failed with code {error.returncode}; see above.")
    print(f"{options.what}: {count} summaries, branch {options.branch} of {options.remote}")


if __name__ == "__main__":
    main()
