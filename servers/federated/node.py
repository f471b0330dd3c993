"""A client: it computes the features of its own data once, and is a SuperNode from then on.

    python node.py FOLDER WAY PORT

Its folder has `shard.json`: `{"instances": [...], "labels": [...]}`. Nothing but this program and
the ClientApp reads it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from serving import load_split

TOGETHER = 32
# Clients are other people's machines: where they share this one, they stand back.
NICE = 10


def main() -> None:
    folder, way, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    os.chdir(folder)  # where the ClientApp finds its data, too
    os.nice(NICE)
    shard = json.loads(Path("shard.json").read_text("utf-8"))
    try:
        known = features_of(load_split(), shard["instances"], shard["labels"])
    except (ValueError, LookupError, TypeError) as error:
        sys.exit(f"{folder}/shard.json is no shard: {error}.")
    np.savez("part.npz", **known)
    Path("part.npz").rename("features.npz")
    program = str(Path(sys.executable).parent / "flower-supernode")
    link, own = ("--superlink", f"127.0.0.1:{way}"), ("--port", port)
    os.execv(program, [program, "--insecure", *link, *own])


def features_of(split: Any, instances: list[Any], labels: list[str]) -> dict[str, Any]:
    """Arrays: the features of each instance, and the column of its label in the head."""
    if len(instances) != len(labels) or not labels:
        raise ValueError("it needs as many labels as instances, and some")
    unknown = sorted(set(labels) - set(split.labels))
    if unknown:
        raise ValueError(f"the model has no label {unknown[0]!r}")
    lots = [instances[at : at + TOGETHER] for at in range(0, len(instances), TOGETHER)]
    return {
        "features": np.concatenate([split.features(lot) for lot in lots]).astype(np.float64),
        "labels": np.array([split.labels.index(label) for label in labels]),
    }


if __name__ == "__main__":
    main()
