"""Plain objects: rights, resources, probes, and how pods end."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import replace
from typing import Any

import pytest

from harness.base.errors import LaunchError
from harness.manifests import apis, objects
from harness.manifests.workload import BesideIt, Mount, Workload
from tests.manifests.validated import VERSIONS, validate

WORKLOAD = Workload(
    name="fastapi",
    image="serving-harness/fastapi:1",
    command=("python", "app.py", "$(HOME)"),
    environment={"HARNESS_PORT": "8080", "ODD": "$(not a variable)"},
    working_dir="/app",
    port=8080,
    more_ports={"grpc_management": 8081, "metrics": 8082},
    ready_path="/health",
    ready_timeout_s=90.5,
    cpus=1,
    memory_mib=2048,
    writes=("/run/harness/calls",),
)
CURRENT = {
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "policy/v1": {"PodDisruptionBudget", "Eviction"},
    "batch/v1": {"Job", "CronJob"},
    "apps/v1": {"Deployment"},
}
OF_1_20 = {
    "autoscaling/v1": {"HorizontalPodAutoscaler"},
    "autoscaling/v2beta2": {"HorizontalPodAutoscaler"},
    "policy/v1beta1": {"PodDisruptionBudget", "Eviction"},
    "batch/v1": {"Job"},
    "batch/v1beta1": {"CronJob"},
    "apps/v1": {"Deployment"},
}


def pod_of(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["spec"]["template"]["spec"]
    return found


def server_of(workload: Workload) -> dict[str, Any]:
    found: dict[str, Any] = pod_of(objects.deployment(workload))["containers"][0]
    return found


def every(workload: Workload) -> list[dict[str, Any]]:
    return [
        objects.deployment(workload),
        objects.service(workload),
        objects.service(workload, node_port=True),
        objects.autoscaler(workload),
        objects.budget(workload),
        objects.job(workload),
        objects.cron_job(workload, schedule="*/5 * * * *"),
        objects.namespace("serving", {"a": "b"}, {"c": "d"}),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_takes_all_objects(version: str) -> None:
    fuller = replace(
        WORKLOAD,
        cpus=0.6,
        gpus=1,
        beside=(BesideIt(name="redis", image="redis:7", memory_mib=512),),
        mounts=(Mount(path="/model", source={"persistentVolumeClaim": {"claimName": "m"}}),),
        service_account="trainer",
        stop_signal="SIGINT",
    )
    for workload in (WORKLOAD, fuller, replace(WORKLOAD, as_it_stands=True, command=())):
        for made in every(workload):
            validate(made, (version,))


def test_pods_have_no_rights_and_quality_guaranteed() -> None:
    pod = pod_of(objects.deployment(WORKLOAD))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["shareProcessNamespace"] is True
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    server = pod["containers"][0]
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert server["resources"]["requests"] == server["resources"]["limits"]
    assert server["resources"]["limits"] == {"cpu": "1", "memory": "2048Mi"}
    assert server_of(replace(WORKLOAD, cpus=0.6))["resources"]["limits"]["cpu"] == "600m"


def test_what_it_may_write_to() -> None:
    pod = pod_of(objects.deployment(WORKLOAD))
    kept = {each["name"]: each["emptyDir"] for each in pod["volumes"]}
    places = {
        each["mountPath"]: kept[each["name"]] for each in pod["containers"][0]["volumeMounts"]
    }
    assert places == {
        "/tmp": {"medium": "Memory", "sizeLimit": "1024Mi"},
        "/dev/shm": {"medium": "Memory", "sizeLimit": "512Mi"},
        "/run/harness/calls": {},
    }


def test_an_update_loses_no_pod_and_a_drain_may_go_on() -> None:
    made = objects.deployment(replace(WORKLOAD, replicas=3))
    assert made["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert pod_of(made)["terminationGracePeriodSeconds"] == 13
    assert server_of(WORKLOAD)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "3"]
    assert objects.budget(WORKLOAD)["spec"]["maxUnavailable"] == 1


def test_probes_ask_where_it_says_that_it_is_ready() -> None:
    server = server_of(replace(WORKLOAD, ready_port="grpc_management"))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"] == {"path": "/health", "port": "grpc-management"}
    assert server["startupProbe"]["failureThreshold"] == 91


def test_names_of_ports_are_as_kubernetes_takes_them() -> None:
    names = [each["name"] for each in objects.service(WORKLOAD)["spec"]["ports"]]
    assert names == ["serving", "grpc-management", "metrics"]
    assert all(len(name) <= 15 and re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_nothing_is_taken_for_a_variable() -> None:
    server = server_of(WORKLOAD)
    assert server["command"] == ["python", "app.py", "$$(HOME)"]
    assert {"name": "ODD", "value": "$$(not a variable)"} in server["env"]


def test_a_job_neither_serves_nor_starts_again() -> None:
    pod = pod_of(objects.job(WORKLOAD))
    assert pod["restartPolicy"] == "Never"
    assert not {"ports", "readinessProbe", "lifecycle"} & pod["containers"][0].keys()
    made = objects.cron_job(replace(WORKLOAD, service_account="trainer"), schedule="* * * * *")
    inner = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert inner["automountServiceAccountToken"] is True
    assert made["spec"]["concurrencyPolicy"] == "Forbid"


def test_an_image_as_it_stands_keeps_its_own_ways() -> None:
    pod = pod_of(objects.deployment(replace(WORKLOAD, as_it_stands=True, command=(), writes=())))
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert "shareProcessNamespace" not in pod
    assert pod["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False}


@pytest.mark.parametrize("code", [0, 7])
def test_another_stop_signal_reaches_the_server(code: int) -> None:
    """The very command, with a server that ends by SIGINT alone, and has children of its own."""
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"signal.signal(signal.SIGINT, lambda *_: sys.exit({code}))\n"
        "print(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN, flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    workload = replace(WORKLOAD, command=("python3", "-c", program), stop_signal="SIGINT")
    command = [part.replace("$$(", "$(") for part in server_of(workload)["command"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "True\n"
        server.terminate()
        assert server.wait(timeout=60) == code


def test_python_installs_its_own_handler_of_sigint() -> None:
    """Which it does not where a shell has made it ignore the signal."""
    program = (
        "import signal, time\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)\n"
    )
    workload = replace(WORKLOAD, command=("python3", "-c", program), stop_signal="SIGINT")
    command = [part.replace("$$(", "$(") for part in server_of(workload)["command"]]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n", time.monotonic() - began


@pytest.mark.parametrize(
    ("made", "old", "new"),
    [
        (objects.autoscaler(WORKLOAD), "autoscaling/v2beta2", "autoscaling/v2"),
        (objects.budget(WORKLOAD), "policy/v1beta1", "policy/v1"),
        (objects.cron_job(WORKLOAD, schedule="@daily"), "batch/v1beta1", "batch/v1"),
        (objects.deployment(WORKLOAD), "apps/v1", "apps/v1"),
    ],
)
def test_the_newest_version_that_a_server_offers(made: Any, old: str, new: str) -> None:
    assert apis.fitting(made, CURRENT) == {**made, "apiVersion": new}
    assert apis.fitting(made, OF_1_20) == {**made, "apiVersion": old}


def test_an_autoscaler_of_version_1() -> None:
    offered = {"autoscaling/v1": {"HorizontalPodAutoscaler"}}
    made = apis.fitting(objects.autoscaler(WORKLOAD, least=2, most=4, cpu_percent=70), offered)
    assert made["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "fastapi"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "targetCPUUtilizationPercentage": 70,
    }
    by_memory = objects.autoscaler(WORKLOAD)
    by_memory["spec"]["metrics"][0]["resource"]["name"] = "memory"
    with pytest.raises(LaunchError, match="scales by the CPU time of pods alone"):
        apis.fitting(by_memory, offered)


def test_a_server_that_offers_no_version() -> None:
    with pytest.raises(LaunchError, match=r"no PodDisruptionBudget in a version that is known"):
        apis.fitting(objects.budget(WORKLOAD), {"policy/v2": {"PodDisruptionBudget"}})
    with pytest.raises(LaunchError, match=r"no Deployment of apps/v1"):
        apis.fitting(objects.deployment(WORKLOAD), {})
    with pytest.raises(LaunchError, match="no Eviction"):
        apis.version_of("Eviction", {})
