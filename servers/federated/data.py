"""The clients' data, and the accuracy of heads: run by this server's interpreter, beside it.

    python data.py deal PAYLOADS ARTEFACT FOLDER --clients 4 --alpha 0.3 --seed 20
    python data.py judge PAYLOADS ARTEFACT FOLDER

`deal` gives each client a folder with the shard of the training data that it has, and writes down
in `dealt.json` how many of each label. `judge` writes `judged.json`: what each head of FOLDER
(1.json, 2.json, ...) answers to every payload, and its accuracy on the labels that the benchmark
held out. It computes both anew, from the predictor's features, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from serving import load_split
from sklearn.model_selection import train_test_split

LEAST = 5  # examples of a client
TOGETHER = 32


def parts(payloads: Path, artefact: Path) -> tuple[list[Any], list[str], Any, Any]:
    """Instances, labels, and which rows the benchmark's build trained on and held out."""
    rows = [json.loads(line) for line in payloads.read_text("utf-8").splitlines()]
    rows = [row for row in rows if "label" in row]
    labels = [row["label"] for row in rows]
    facts = json.loads((artefact / "facts.json").read_text("utf-8"))
    trained, held = train_test_split(
        np.arange(len(rows)),
        test_size=facts["held_out"],
        random_state=facts["seed"],
        stratify=labels,
    )
    return [row["instance"] for row in rows], labels, trained, held


def owners(labels: list[str], clients: int, alpha: float, seed: int) -> Any:
    """The client of each example: of each label, clients have shares drawn from a Dirichlet
    distribution, anew until nobody has too few."""
    rng = np.random.default_rng(seed)
    names = np.array(labels)
    while True:
        who = np.zeros(len(names), int)
        for label in sorted(set(labels)):
            rows = rng.permutation(np.flatnonzero(names == label))
            who[rows] = rng.choice(clients, len(rows), p=rng.dirichlet([alpha] * clients))
        if np.bincount(who, minlength=clients).min() >= LEAST:
            return who


def deal(options: argparse.Namespace) -> None:
    instances, labels, trained, _ = parts(options.payloads, options.artefact)
    who = owners([labels[row] for row in trained], options.clients, options.alpha, options.seed)
    counts = []
    for client in range(options.clients):
        own = trained[who == client]
        folder = options.folder / str(client)
        folder.mkdir(parents=True)
        mine = [labels[row] for row in own]
        shard = {"instances": [instances[row] for row in own], "labels": mine}
        (folder / "shard.json").write_text(json.dumps(shard), "utf-8")
        counts.append({label: mine.count(label) for label in sorted(set(labels))})
    dealt = {"alpha": options.alpha, "seed": options.seed, "clients": counts}
    (options.folder / "dealt.json").write_text(json.dumps(dealt))


def judge(options: argparse.Namespace) -> None:
    split = load_split()
    instances, labels, _, held = parts(options.payloads, options.artefact)
    features = np.concatenate(
        [split.features(instances[at : at + TOGETHER]) for at in range(0, len(instances), TOGETHER)]
    )
    judged = {}
    for path in sorted(options.folder.glob("*.json"), key=lambda path: int(path.stem)):
        head = json.loads(path.read_text())
        made = type(split.head)(*(np.array(head[name]) for name in ("weights", "bias")))
        found = made.probabilities(features)
        chosen = found.argmax(axis=1)
        answers = [
            {"label": split.labels[column], "score": float(row[column])}
            for row, column in zip(found, chosen, strict=True)
        ]
        right = [split.labels[chosen[row]] == labels[row] for row in held]
        judged[path.stem] = {"accuracy": sum(right) / len(right), "answers": answers}
    (options.folder.parent / "judged.json").write_text(json.dumps(judged))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["deal", "judge"])
    for name in ("payloads", "artefact", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--alpha", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    {"deal": deal, "judge": judge}[options.what](options)


if __name__ == "__main__":
    main()
