"""Make the artefact: `python build.py ARTEFACT_DIR`: nothing, except where a version is asked for.

A version other than 1, which `HARNESS_ARTEFACT_VERSION` names, is what a model is that was trained
again: it answers with a label of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VERSION = int(os.environ.get("HARNESS_ARTEFACT_VERSION", "1"))


def main() -> None:
    if VERSION > 1:
        Path(sys.argv[1], "label").write_text(f"noop-{VERSION}", "utf-8")


if __name__ == "__main__":
    main()
