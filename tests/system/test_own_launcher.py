"""A launcher that an installed package brings along: found, told its option, reported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.base import paths
from harness.measure.launch.launchers import GROUP
from harness.stored import store
from harness.stored.clocks import ServerClock
from tests.system.sandbox import Sandbox

MODULE = paths.PROJECT / "tests" / "rack_launcher.py"
OPTIONS = ("--launcher", "rack", "--rack-name", "B")


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """A folder with the launcher as a package installer leaves it."""
    return installed_in(tmp_path / "packages", "rack_launcher", MODULE.read_text())


def installed_in(folder: Path, module: str, text: str) -> str:
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / f"{module}.py").write_text(text)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\nrack = {module}\n")
    return str(folder)


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.mark.parametrize("command", ["run", "verify", "capacity"])
def test_help_shows_it_and_its_option(sandbox: Sandbox, installed: str, command: str) -> None:
    done = sandbox.harness(command, "--help", PYTHONPATH=installed)
    assert done.returncode == 0, done.stderr
    assert "|rack|" in "".join(done.stdout.split())
    assert "--rack-name" in done.stdout
    assert "Rack that servers run in." in words(done.stdout)


def test_list_shows_it(sandbox: Sandbox, installed: str) -> None:
    done = sandbox.harness("list", "--json", PYTHONPATH=installed)
    launchers = {each["name"]: each["about"] for each in json.loads(done.stdout)["launchers"]}
    assert launchers["rack"] == "rack A"


def test_its_option_goes_with_it_alone(sandbox: Sandbox, installed: str) -> None:
    done = sandbox.harness("run", "_fake", "--rack-name", "B", PYTHONPATH=installed)
    assert done.returncode == 2
    assert "--rack-name goes with --launcher rack." in done.stderr


def test_without_the_package_there_is_no_such_launcher(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--launcher", "rack")
    assert done.returncode == 2
    assert "There is no launcher 'rack'." in done.stderr


def test_a_package_that_can_t_be_imported_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = installed_in(tmp_path / "packages", "rack_launcher", "import no_such_module_here\n")
    done = sandbox.harness("run", "_fake", PYTHONPATH=folder)
    assert done.returncode == 2
    assert "The launcher 'rack', which an installed package brings along," in done.stderr
    assert "no_such_module_here" in done.stderr


@pytest.mark.slow
def test_a_variant_is_measured_by_it(sandbox: Sandbox, installed: str) -> None:
    done = sandbox.harness("run", "_fake", *OPTIONS, "--campaign", "racked", PYTHONPATH=installed)
    assert done.returncode == 0, done.stderr
    (place,) = (sandbox.results / "racked" / "noop").glob("_fake@rack/round-1")
    run = store.read_run(place)
    way = run.facts.server.way
    assert (way.described, way.here, way.again) == (
        "a process in a rack",
        False,
        ("--rack-name", "B"),
    )
    window = run.windows[0]
    assert window.facts.server_clock == ServerClock(offset_ns=86_400 * 10**9, uncertainty_ns=1000)
    assert len(window.calls.batch) >= 0.9 * window.requests.ok.sum()
    assert window.facts.cpu_energy_j is None
    assert window.usage.cpu_ns.max() > 0
    # Made without the package: the report knows no launcher.
    assert sandbox.harness("report", "racked").returncode == 0
    page = words((sandbox.reports / "racked" / "index.html").read_text())
    assert "rack, a process in a rack" in page
    assert "its server ran on another host" in page
    assert "--rack-name B" in page
