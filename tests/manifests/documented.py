"""The documented fields of custom resources: no package carries their schemas.

Only fields that the project might use stand here, so that an unknown key is an error; parts that
are Kubernetes' own are checked as a Pod by `kubernetes-validate`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Pod = dict[str, Any]
Resources = dict[Literal["requests", "limits"], dict[str, str]]


class Documented(BaseModel):
    """No other field, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Meta(Documented):
    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class OfPods(Documented):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


# Knative Serving: https://knative.dev/docs/serving/reference/serving-api/
class RevisionSpec(Documented):
    """Fields of a pod are those that knative/serving, pkg/apis/serving/fieldmask.go, lets through
    without a feature flag."""

    containerConcurrency: int = Field(ge=0)
    timeoutSeconds: int = Field(ge=1, le=600)
    serviceAccountName: str = ""
    automountServiceAccountToken: Literal[False] = False
    enableServiceLinks: bool = False
    containers: list[dict[str, Any]]
    volumes: list[dict[str, Any]] = []


class RevisionTemplate(Documented):
    metadata: OfPods
    spec: RevisionSpec


class KnativeSpec(Documented):
    template: RevisionTemplate
    traffic: list[dict[str, Any]] = []


class Knative(Documented):
    apiVersion: Literal["serving.knative.dev/v1"]
    kind: Literal["Service"]
    metadata: Meta
    spec: KnativeSpec


KNATIVE_CONTAINER = {
    *("name", "image", "imagePullPolicy", "command", "args", "env", "envFrom", "workingDir"),
    *("livenessProbe", "readinessProbe", "ports", "resources", "securityContext"),
    *("terminationMessagePath", "terminationMessagePolicy", "volumeMounts"),
}
KNATIVE_RIGHTS = {
    *("allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "runAsGroup"),
    *("runAsNonRoot", "runAsUser", "seccompProfile"),
}
KNATIVE_VOLUMES = {"name", "emptyDir", "secret", "configMap", "projected"}


# Seldon Core 1: SeldonIO/seldon-core,
# operator/apis/machinelearning.seldon.io/v1/seldondeployment_types.go
class SeldonEndpoint(Documented):
    type: Literal["REST", "GRPC"]
    service_host: str = ""
    httpPort: int = 0
    grpcPort: int = 0


class SeldonNode(Documented):
    name: str
    type: Literal["MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER"]
    endpoint: SeldonEndpoint
    children: list[SeldonNode]


class SeldonHpa(Documented):
    minReplicas: int
    maxReplicas: int
    metricsv2: list[dict[str, Any]]


class SeldonBudget(Documented):
    maxUnavailable: int


class SeldonPods(Documented):
    metadata: OfPods
    spec: Pod
    hpaSpec: SeldonHpa | None = None
    pdbSpec: SeldonBudget | None = None


class SeldonOrchestrator(Documented):
    resources: Resources


class SeldonPredictor(Documented):
    name: str
    graph: SeldonNode
    componentSpecs: list[SeldonPods]
    replicas: int
    traffic: int = Field(ge=0, le=100)
    annotations: dict[str, str] = {}
    svcOrchSpec: SeldonOrchestrator | None = None


class SeldonSpec(Documented):
    name: str
    protocol: Literal["seldon", "tensorflow", "kfserving", "v2"]
    transport: Literal["rest", "grpc"]
    predictors: list[SeldonPredictor]


class Seldon(Documented):
    apiVersion: Literal["machinelearning.seldon.io/v1"]
    kind: Literal["SeldonDeployment"]
    metadata: Meta
    spec: SeldonSpec


# KubeRay: ray-project/kuberay, ray-operator/apis/ray/v1/{rayservice,raycluster}_types.go
class RayTemplate(Documented):
    metadata: OfPods
    spec: Pod


class RayHead(Documented):
    rayStartParams: dict[str, str]
    template: RayTemplate


class RayWorkers(Documented):
    groupName: str
    replicas: int
    minReplicas: int
    maxReplicas: int
    rayStartParams: dict[str, str]
    template: RayTemplate


class RayCluster(Documented):
    headGroupSpec: RayHead
    workerGroupSpecs: list[RayWorkers] = []
    rayVersion: str = ""
    enableInTreeAutoscaling: bool = False


class RaySpec(Documented):
    serveConfigV2: str
    rayClusterConfig: RayCluster


class Ray(Documented):
    apiVersion: Literal["ray.io/v1"]
    kind: Literal["RayService"]
    metadata: Meta
    spec: RaySpec


# `serveConfigV2`: https://docs.ray.io/en/latest/serve/production-guide/config.html
class RayAutoscaling(Documented):
    min_replicas: int
    max_replicas: int
    target_ongoing_requests: float = Field(gt=0)


class RayDeployment(Documented):
    name: str
    num_replicas: int = 1
    autoscaling_config: RayAutoscaling | None = None
    ray_actor_options: dict[str, float] = {}


class RayApplication(Documented):
    name: str
    route_prefix: str
    import_path: str = Field(pattern=r"^\w+:\w+$")
    deployments: list[RayDeployment]


class RayServe(Documented):
    proxy_location: Literal["EveryNode", "HeadOnly", "Disabled"]
    http_options: dict[str, Any]
    logging_config: dict[str, Any]
    applications: list[RayApplication]


# Yatai: bentoml/yatai-image-builder, apis/resources/v1alpha1/bento_types.go, and
# bentoml/yatai-deployment, apis/serving/v2alpha1/bentodeployment_types.go
class BentoSpec(Documented):
    tag: str = Field(pattern=r"^[a-z0-9-]+:[A-Za-z0-9_.-]+$")
    image: str
    serviceName: str = ""


class Bento(Documented):
    apiVersion: Literal["resources.yatai.ai/v1alpha1"]
    kind: Literal["Bento"]
    metadata: Meta
    spec: BentoSpec


class BentoIngress(Documented):
    enabled: bool


class BentoAutoscaling(Documented):
    minReplicas: int
    maxReplicas: int
    metrics: list[dict[str, Any]] = []


class BentoDeploymentSpec(Documented):
    bento: str
    ingress: BentoIngress
    envs: list[dict[str, str]]
    resources: Resources
    autoscaling: BentoAutoscaling
    extraPodMetadata: OfPods


class BentoDeployed(Documented):
    apiVersion: Literal["serving.yatai.ai/v2alpha1"]
    kind: Literal["BentoDeployment"]
    metadata: Meta
    spec: BentoDeploymentSpec


# Bodywork: bodywork-ml/bodywork-core, src/bodywork/config.py
class BodyworkPipeline(Documented):
    name: str = Field(pattern=r"^[a-zA-Z0-9-\.]+$")
    docker_image: str
    DAG: str
    namespace: str = ""
    secrets_group: str = ""
    run_on_failure: str = ""


class BodyworkBatch(Documented):
    max_completion_time_seconds: int = Field(ge=0)
    retries: int = Field(ge=0)


class BodyworkService(Documented):
    max_startup_time_seconds: int = Field(ge=0)
    replicas: int = Field(ge=0)
    port: int = Field(ge=0)
    ingress: bool


class BodyworkStage(Documented):
    executable_module_path: str = Field(pattern=r".+\.(py|ipynb)$")
    args: list[str] = []
    cpu_request: float = Field(ge=0)
    memory_request_mb: int = Field(ge=0)
    requirements: list[str] = []
    secrets: dict[str, str] = {}
    batch: BodyworkBatch | None = None
    service: BodyworkService | None = None


class BodyworkLogging(Documented):
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Bodywork(Documented):
    version: Literal["1.1"]
    pipeline: BodyworkPipeline
    stages: dict[str, BodyworkStage]
    logging: BodyworkLogging


# GKE: https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration and
# https://github.com/GoogleCloudPlatform/prometheus-engine, doc/api.md
class Backend(Documented):
    timeoutSec: int
    connectionDraining: dict[Literal["drainingTimeoutSec"], int]
    healthCheck: dict[Literal["type", "requestPath", "port"], Any]


class BackendConfig(Documented):
    apiVersion: Literal["cloud.google.com/v1"]
    kind: Literal["BackendConfig"]
    metadata: Meta
    spec: Backend


class ScrapeEndpoint(Documented):
    port: str | int
    path: str
    interval: str


class PodMonitoringSpec(Documented):
    selector: dict[Literal["matchLabels"], dict[str, str]]
    endpoints: list[ScrapeEndpoint]


class PodMonitoring(Documented):
    apiVersion: Literal["monitoring.googleapis.com/v1"]
    kind: Literal["PodMonitoring"]
    metadata: Meta
    spec: PodMonitoringSpec


MODELS: dict[tuple[str, str], type[Documented]] = {
    ("serving.knative.dev/v1", "Service"): Knative,
    ("machinelearning.seldon.io/v1", "SeldonDeployment"): Seldon,
    ("ray.io/v1", "RayService"): Ray,
    ("resources.yatai.ai/v1alpha1", "Bento"): Bento,
    ("serving.yatai.ai/v2alpha1", "BentoDeployment"): BentoDeployed,
    ("cloud.google.com/v1", "BackendConfig"): BackendConfig,
    ("monitoring.googleapis.com/v1", "PodMonitoring"): PodMonitoring,
}
