"""What the machine of a cluster has room for: what its figures can't show."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.field.scaling import ScaledVariant
from harness.report.page import view
from harness.report.page.view import Report


def sentences(report: Report, found: Sequence[ScaledVariant]) -> list[str]:
    """Where its pods have been, and whether they had CPUs of their own there."""
    return [*_nodes(found), *_crowded(report, found)]


def _nodes(found: Sequence[ScaledVariant]) -> list[str]:
    nodes = list(dict.fromkeys(each.pod.node for each in found if each.pod is not None))
    if len(nodes) != 1:
        return []
    release = next(each.pod.cluster for each in found if each.pod is not None)
    return [
        f"The first pod of each variant ran on the node {nodes[0]} of a cluster with Kubernetes "
        f"{release.removeprefix('v')}. Where that is the only node, nothing here shows what "
        "placement on others, their networks and their failures do."
    ]


def _crowded(report: Report, found: Sequence[ScaledVariant]) -> list[str]:
    """Pods that had to share CPUs: their number can't raise the capacity then."""
    cpus, others = _cpus(report), len(report.campaign.generator_cpus)
    most = max((point.replicas for one in found for point in one.points), default=0)
    each = max((_of_pod(report, one) for one in found), default=0.0)
    if not cpus or most < 2 or most * each + others <= cpus:
        return []
    pods = f"{most} pods with up to {each:g} {'CPU' if each == 1 else 'CPUs'} each"
    return [
        f"{pods} shared the {view.plural(cpus, 'CPU')} of this machine with "
        f"{view.plural(others, 'CPU')} of the generator and with the cluster itself: where they "
        "are short, more replicas can't add capacity, and an efficiency below 100% is the "
        "machine's."
    ]


def _of_pod(report: Report, found: ScaledVariant) -> float:
    """The CPUs that a pod may use; where its record has none, as many as a server has."""
    told = found.pod.cpus if found.pod is not None else 0.0
    return told or float(len(report.campaign.server_cpus))


def _cpus(report: Report) -> int:
    told = report.campaign.environment.get("cpus", "")
    return int(told) if told.isdecimal() else 0
