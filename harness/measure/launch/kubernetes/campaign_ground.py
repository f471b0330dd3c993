"""What the Deployments of a command share: a cluster, a namespace, and a guard that ends it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.base.errors import LaunchError
from harness.measure.launch.containers import engine
from harness.measure.launch.kubernetes import campaign_namespace, cordons, usable
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.campaign_namespace import CampaignNamespace
from harness.measure.launch.kubernetes.cluster import answering
from harness.measure.launch.kubernetes.cluster_images import ImageWay
from harness.measure.launch.kubernetes.launched_pods import PodGround
from harness.measure.launch.kubernetes.pod_reach import PodReach
from harness.measure.launch.kubernetes.usable import NotUsable, WantedCluster

if TYPE_CHECKING:
    from docker import DockerClient

_LOG = logging.getLogger(__name__)
# A guard outlives the harness: a search for the harness must not find the guard.
_NOT_THE_GUARDS = ("HARNESS_", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignGround:
    """Made when the first variant is provided, and closed with the launcher."""

    pods: PodGround
    api: ApiObjects
    namespace: CampaignNamespace
    engine: DockerClient
    is_here: bool
    _images: ImageWay
    _guard: subprocess.Popen[bytes]
    _given: dict[str, str] = field(default_factory=dict)  # images, by their names here

    def give(self, image: str) -> str:
        """The name in the cluster of an image of the engine, which it is given if need be. Raises
        ProvisionError."""
        if image not in self._given:
            self._given[image] = self._images.give(self.engine, image)
        return self._given[image]

    def close(self) -> None:
        """Remove all that was made, and end the guard. Raises LaunchError where that fails: the
        guard goes on trying then."""
        try:
            with answering(
                f"The namespace {self.namespace.name} can't be removed; the next command does that"
            ):
                for node in cordons.taken_off(self.pods.cluster, self.pods.owner):
                    _LOG.info("new pods may come to the node %s again", node)
                self.namespace.remove(self.pods.cluster)
        except LaunchError:
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            raise
        else:
            self._guard.communicate(b"done")
        finally:
            self.engine.close()
            self.pods.cluster.close()


def prepared(wanted: WantedCluster) -> CampaignGround:
    """A namespace in the cluster that is wanted, without what earlier commands left there. Raises
    LaunchError, or NoEngine."""
    client = engine.connect()
    try:
        found = usable.checked(wanted)
    except NotUsable as error:
        raise LaunchError(f"The cluster can't be used: {error}.") from error
    cluster, owner = found.cluster, campaign_namespace.owner()
    with answering("What an earlier command left in the cluster can't be removed"):
        for what in campaign_namespace.sweep(cluster, within=wanted.namespace):
            _LOG.info("an earlier command left the %s: removed", what)
        for node in cordons.taken_off(cluster):
            _LOG.info("an earlier command kept pods from the node %s: no longer", node)
    space = campaign_namespace.chosen(cluster, wanted.namespace, owner)
    guard = _guard(cluster.context, space)
    try:
        space.make(cluster)
    except BaseException:
        guard.communicate(b"done")
        raise
    return CampaignGround(
        pods=PodGround(
            cluster=cluster,
            reach=PodReach(cluster, list(found.nodes), wanted.reach),
            owner=owner,
            release=found.release,
            runtime=found.runtime,
        ),
        api=ApiObjects(cluster),
        namespace=space,
        engine=client,
        is_here=found.is_here,
        _images=found.images,
        _guard=guard,
    )


def _guard(context: str, space: CampaignNamespace) -> subprocess.Popen[bytes]:
    told = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_THE_GUARDS)}
    module = "harness.measure.launch.kubernetes.cluster_guard"
    own = "own" if space.is_own else "shared"
    return subprocess.Popen(
        [sys.executable, "-m", module, context, space.name, own, space.owner],
        stdin=subprocess.PIPE,
        # Whoever reads what the harness prints must not wait for the end of its guard.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=told,
    )
