"""The sentence on a reference that stands among the contestants, or below one."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.page import view
from harness.report.page.ranking import Figure, Ranking
from harness.stored.identity import PREDICTOR

_GPU = "gpu"
_ROUNDS = 2  # of each, for any difference to be judged


def remark(found: Ranking, reference: Figure, figures: Sequence[Figure]) -> str:
    """Why some contestant is ahead of the predictor without a server; empty where none is."""
    if reference.row.canary != PREDICTOR:  # the only one that should be ahead of all
        return ""
    higher = found.metric.better == "higher"
    ahead = [f for f in figures if f.rank and (f.middle > reference.middle) is higher]
    ahead = [f for f in ahead if f.middle != reference.middle]
    if not ahead:
        return ""
    whom = ahead[0].row.variant if len(ahead) == 1 else f"{len(ahead)} contestants"
    if all(f.row.server.device == _GPU for f in ahead) and reference.row.server.device != _GPU:
        return f"Behind {whom} on the GPU: it computes on the CPU"
    beyond = [f.row.variant for f in ahead if not found.tied(f.row, reference.row)]
    if not beyond and all(min(f.row.counted, reference.row.counted) < _ROUNDS for f in ahead):
        return f"Behind {whom}: one round cannot say whether that is noise"
    if not beyond:
        return f"Behind {whom} by no more than the noise: a tie"
    names = view.listed(beyond[:3]) + (f" and {len(beyond) - 3} more" if len(beyond) > 3 else "")
    return (
        f"Behind {names} beyond the noise: it makes one prediction at a time; variants that batch, "
        "or have several workers, can do more"
    )
