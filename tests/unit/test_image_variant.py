"""A container image as it stands, as a variant without a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from harness.base.errors import ProvisionError, UsageError
from harness.cli import _image
from harness.measure.campaign import content
from harness.measure.launch import launchers
from harness.measure.launch.containers import images
from harness.measure.launch.containers.options import MIB, options
from harness.measure.launch.functions.container_options import Size, container_order
from harness.measure.launch.launchers import LaunchOrder
from harness.setup import catalog
from harness.setup.catalog import Variant
from harness.setup.templates import RequestTable

GIVEN = {
    "image": "ghcr.io/me/My.Classifier:3",
    "launchers": ("docker",),
    "url": None,
    "protocol": "json",
    "request": None,
    "prediction": None,
    "headers": (),
    "endpoint_name": "deployed",
    "answers": None,
    "unchecked": False,
    "beside": None,
    "port": 8000,
    "path": None,
    "ready_path": "/ready",
}


def made(**changed: Any) -> Variant:
    found = _image.variant(GIVEN | changed)
    assert found is not None
    return found


def test_it_is_called_as_its_image_and_listens_where_it_is_said_to() -> None:
    found = made()
    assert (found.name, found.launcher, found.image) == (
        *("my-classifier", "docker", "ghcr.io/me/My.Classifier:3"),
    )
    table = found.table
    assert (table.track, table.port, table.ready_path, table.path) == (
        *("default", 8000, "/ready", ""),
    )
    assert made(endpoint_name="mine").name == "mine"
    asked = made(protocol=None, request='{"text": $instance}', path="/classify")
    assert asked.table.protocol == "template"
    assert asked.table.request == RequestTable(body='{"text": $instance}')
    assert asked.table.path == "/classify"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"port": None}, "needs --port"),
        ({"protocol": None}, "needs --port, and --protocol"),
        ({"launchers": ()}, "goes with --launcher docker"),
        ({"url": "http://h/"}, "without --url"),
        ({"unchecked": True}, "go with --launcher remote"),
        ({"path": "classify"}, "does not begin with a slash"),
        ({"protocol": "jsom"}, "Did you mean 'json'?"),
        ({"endpoint_name": "fastapi"}, "can't be the endpoint's name"),
        ({"image": None, "path": None}, "--port goes with --image"),
    ],
)
def test_what_is_asked_wrongly(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _image.variant(GIVEN | changed)
    assert said in str(caught.value)


def test_nothing_is_asked() -> None:
    assert _image.variant(GIVEN | {"image": None, "port": None, "ready_path": "/health"}) is None


def test_the_container_is_its_own_and_its_limits_are_those_of_all(tmp_path: Path) -> None:
    variant, noop = made(), catalog.benchmarks()["noop"]
    provided: Any = SimpleNamespace(bin=Path("/opt/venv/bin"))
    order = LaunchOrder(
        variant=variant,
        provided=provided,
        benchmark=noop,
        artefact=tmp_path,
        threads=1,
        device="cpu",
        cpus=(1,),
        signature={},
        scratch=tmp_path,
    )
    found = options(order, "owner")
    assert (found["cpuset_cpus"], found["mem_limit"]) == ("1", 4096 * MIB)
    assert "no-new-privileges" in found["security_opt"]
    assert not {"command", "environment", "working_dir", "read_only", "volumes"} & set(found)
    assert content.of_variant(variant, noop) == ""


class Engine:
    """An engine's images."""

    def __init__(self, *here: str, registry: tuple[str, ...] = ()) -> None:
        self.images = self
        self.here, self.registry = list(here), registry

    def get(self, name: str) -> Any:
        if name not in self.here:
            raise docker.errors.ImageNotFound(name)
        return SimpleNamespace(id="sha256:12", attrs={"Size": 5})

    def pull(self, name: str) -> None:
        if name not in self.registry:
            raise docker.errors.NotFound(f"no such image {name}")
        self.here.append(name)


@pytest.mark.parametrize("engine", [Engine("me/a:1"), Engine(registry=("me/a:1",))])
def test_it_is_there_or_is_pulled(engine: Any) -> None:
    found = images.as_it_stands(engine, "me/a:1")
    assert (found.facts.tag, found.facts.id, found.facts.size_bytes) == ("me/a:1", "sha256:12", 5)
    assert found.version_of("fastapi") is None


def test_it_can_not_be_had() -> None:
    engine: Any = Engine()
    with pytest.raises(ProvisionError, match="me/a:1 is not on this machine and can't be pulled"):
        images.as_it_stands(engine, "me/a:1")


def test_an_instance_of_it_is_told_its_port_and_held_to_a_size(tmp_path: Path) -> None:
    launchers.registered()
    provided: Any = SimpleNamespace(bin=Path("/opt/venv/bin"))
    order = LaunchOrder(
        variant=made(launchers=("cloud-run",)),
        provided=provided,
        benchmark=catalog.benchmarks()["noop"],
        artefact=tmp_path,
        threads=1,
        device="cpu",
        cpus=(0, 1),
        signature={},
        scratch=tmp_path,
    )
    host: Any = SimpleNamespace(
        owner="1:1", network=SimpleNamespace(name="n"), gateway="10.0.0.1", bridged=True
    )
    size = Size(memory_mib=512, cpus=0.5, period_us=100_000)
    found = container_order(order, host, "i:1", size, {"PORT": "8000"})
    assert found.options["environment"] == {"PORT": "8000"}
    assert found.ports == (8000,)
    assert (found.options["cpu_quota"], found.options["mem_limit"]) == (50_000, 512 * MIB)
    assert "command" not in found.options
    assert json.loads(json.dumps(asdict(found)))["name"] == "serving-harness-my-classifier"
