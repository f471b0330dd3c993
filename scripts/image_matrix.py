"""From `list --json` on standard input to the matrix of the workflow that builds images."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """One row a server: its name, and the variants whose images it needs."""
    rows: dict[str, list[str]] = {}
    for variant in json.load(sys.stdin)["variants"]:
        if variant["in_all"] and "docker" in variant["launchers"]:
            rows.setdefault(variant["server"], []).append(variant["name"])
    include = [{"server": name, "variants": " ".join(names)} for name, names in rows.items()]
    print(f"matrix={json.dumps({'include': include})}")


if __name__ == "__main__":
    main()
