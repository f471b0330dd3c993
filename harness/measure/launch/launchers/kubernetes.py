"""Variants as Deployments of a Kubernetes cluster: the container launcher's images, in pods."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from harness.base.errors import LaunchError, ProvisionError, UsageError
from harness.manifests.workload import Workload
from harness.measure.launch.containers import engine, images, sidecars
from harness.measure.launch.containers.images import Image
from harness.measure.launch.containers.options import TRACE
from harness.measure.launch.kubernetes import (
    NodeRoom,
    pod_reach,
    rooms,
    training,
    training_image,
    usable,
    workloads,
)
from harness.measure.launch.kubernetes.campaign_ground import CampaignGround, prepared
from harness.measure.launch.kubernetes.campaign_namespace import owned
from harness.measure.launch.kubernetes.custom_deployed import CustomDeployed, Via
from harness.measure.launch.kubernetes.deployments import Deployed
from harness.measure.launch.kubernetes.launched_pods import LaunchedPods
from harness.measure.launch.kubernetes.observing import Observed, PodObserver
from harness.measure.launch.kubernetes.training import ModelTraining
from harness.measure.launch.kubernetes.usable import WantedCluster
from harness.measure.launch.launchers import LaunchOrder, Option, launcher
from harness.setup import canaries, catalog, launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.launching import KUBERNETES, Launching


@launcher(
    KUBERNETES,
    Launching(
        described="pods of a Kubernetes cluster", restarts=False, installs=False, replicates=True
    ),
    options=(
        Option(name="context", help="Context of the kubeconfig.", default="the current one"),
        Option(
            name="namespace",
            help="Namespace to use, if there is one of that name; else how the name of the "
            "campaign's own begins.",
            default="serving-harness",
        ),
        Option(name="replicas", help="Pods of each variant.", default="1"),
        Option(
            name="pod-cpus",
            help="CPUs that each pod requests, and may use at most, such as 0.3.",
            default="as many as are kept for servers",
        ),
        Option(
            name="registry",
            help="HOST/PREFIX that images are pushed to, where they can't be given to the cluster "
            "otherwise.",
        ),
        Option(
            name="reach",
            help="Where load is sent: service, node-port or pod.",
            default="the first of them that this machine reaches",
        ),
        Option(
            name="via",
            help="KIND or KIND:MODE of `manifests`: have a framework's controller deploy variants, "
            "by its custom resource.",
        ),
        Option(
            name="yes-remote",
            help="Use a cluster that is not on this machine, and put it under load.",
            flag=True,
        ),
    ),
)
class KubernetesLauncher:
    """Starts variants as Deployments."""

    def __init__(
        self,
        context: str = "",
        namespace: str = "",
        replicas: str = "",
        pod_cpus: str = "",
        registry: str = "",
        reach: str = "",
        via: str = "",
        yes_remote: str = "",
    ) -> None:
        self._wanted = WantedCluster(
            context=context,
            namespace=namespace,
            registry=registry,
            reach=pod_reach.parsed(reach),
            remote=bool(yes_remote),
        )
        self._replicas = int(_positive("replicas", replicas or "1", whole=True))
        self._cpus = _positive("pod-cpus", pod_cpus) if pod_cpus else None
        self._via = Via(via) if via else None
        self._launched: dict[str, int] = {}
        if self._replicas > 1 and self._wanted.reach == pod_reach.POD:
            raise UsageError("--reach pod goes with one pod: load must reach all --replicas.")

    def why_not(self, device: str) -> str | None:
        try:
            with closing(engine.connect()):
                found = usable.checked(self._wanted, device)
        except (engine.NoEngine, usable.NotUsable) as error:
            return str(error)
        found.cluster.close()
        here = replace(launching.of(KUBERNETES), here=found.is_here)
        launching.declare(KUBERNETES, here)
        return None

    def about(self) -> str:
        found = usable.checked(self._wanted, "cpu")
        found.cluster.close()
        return found.about

    def provide(self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str) -> Image:
        client = self._ground.engine
        if variant.image:
            made = images.as_it_stands(client, variant.image)
        else:
            found = images.ensure(client, variant, benchmark, artefact, device)
            made = replace(found, beside=sidecars.ensure(client, variant))
        for facts in (made.facts, *made.beside.values()):
            self._ground.give(facts.tag)
        return made

    def room(self) -> tuple[NodeRoom, ...]:
        """See HasRoom."""
        try:
            cluster = usable.checked(self._wanted).cluster
        except usable.NotUsable as error:
            raise LaunchError(f"The cluster can't be used: {error}.") from error
        try:
            return rooms.of(cluster)
        finally:
            cluster.close()

    def launch(self, order: LaunchOrder) -> LaunchedPods:
        ground = self._ground
        table = order.variant.table
        replicas = table.replicas if table.replicas > 1 else self._replicas
        made = workloads.of_order(order, replicas=replicas, cpus=self._cpus)
        deployed = self._deployed(replace(made, name=self._name(made.name)))
        order.scratch.mkdir(exist_ok=True)
        observer = PodObserver(
            Observed(
                cluster=ground.pods.cluster,
                namespace=ground.namespace.name,
                selector=deployed.selector,
                container=deployed.container,
                interpreter="" if order.variant.image else str(order.provided.bin / "python"),
                records=str(TRACE),
                cpus=order.cpus,
                holds=replicas == 1 and self._cpus is table.cpus is None and ground.is_here,
            )
        )
        trainer = partial(self._trainer, deployed)
        log = order.scratch / "server.log"
        lasts = order.variant.point is not None  # of `scale`, which ends pods
        return LaunchedPods(ground.pods, deployed, observer, trainer, log, outlives_pods=lasts)

    def _deployed(self, made: Workload) -> Deployed:
        """What deploys a workload, its images given to the cluster."""
        ground = self._ground
        workload = replace(
            made,
            image=ground.give(made.image),
            beside=tuple(replace(each, image=ground.give(each.image)) for each in made.beside),
            behind=made.behind and replace(made.behind, image=ground.give(made.behind.image)),
        )
        if self._via is not None:
            return CustomDeployed(ground.api, ground.namespace, workload, self._via)
        node_port = ground.pods.reach.takes_node_port
        return Deployed(ground.api, ground.namespace, workload, node_port=node_port)

    def close(self) -> None:
        """Remove all that was made in the cluster."""
        if "_ground" in self.__dict__:
            self.__dict__.pop("_ground").close()

    def _trainer(self, deployed: Deployed, benchmark: Benchmark) -> ModelTraining:
        """What trains the model of a Deployment. Raises ProvisionError, LaunchError."""
        predictor = canaries.predictor(catalog.variants())
        if predictor is None:
            raise ProvisionError("No server.toml has a variant with 'inside', as training needs.")
        ground = self._ground
        image = ground.give(training_image.ensure(ground.engine, benchmark, predictor))
        made = training.trainer_of(deployed.workload.name, image, benchmark)
        return ModelTraining(ground.api, deployed, made)

    def _name(self, usual: str) -> str:
        """A name that no other Deployment of the namespace has, or had: the cluster may know of
        pods for a while that have ended."""
        self._launched[usual] = number = self._launched.get(usual, 0) + 1
        name = usual if number == 1 else f"{usual}-{number}"
        space = self._ground.namespace
        return name if space.is_own else f"{name}-{owned(space.owner)[:6]}"

    @cached_property
    def _ground(self) -> CampaignGround:
        return prepared(self._wanted)


def _positive(name: str, text: str, *, whole: bool = False) -> float:
    """The value of an option. Raises UsageError."""
    try:
        found = int(text) if whole else float(text)
    except ValueError:
        found = 0
    if not 0 < found < 1000:
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"--{name} takes {kind} above 0, and not {text!r}.")
    return found
