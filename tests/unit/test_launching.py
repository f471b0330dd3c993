"""What launchers declare, and what files that do not say it are taken to say."""

from __future__ import annotations

from dataclasses import MISSING, fields

import click
import pytest

from harness.base.errors import UsageError
from harness.cli import _launching
from harness.measure.cell import straining
from harness.measure.launch import launchers
from harness.measure.launch.launchers import LAUNCHERS, Option, Registered
from harness.setup import launching
from harness.setup.launching import Launching
from harness.setup.tables import PresetTable
from tests import fakes

PRESET = PresetTable(
    benchmarks=("noop",),
    profiles=(),
    rounds=1,
    duration_scale=1,
    warm_up_s=0,
    overload_s=3,
    shutdown=True,
    restart=True,
)


class Nothing:
    """A launcher that only keeps what it is told."""

    def __init__(self, rack_name: str = "A") -> None:
        self.rack_name = rack_name


@pytest.fixture
def rack(monkeypatch: pytest.MonkeyPatch) -> Registered:
    """A launcher with an option, for as long as the test lasts."""
    launchers.registered()
    monkeypatch.setattr(launchers, "LAUNCHERS", dict(LAUNCHERS))
    monkeypatch.setattr(launching, "_declared", dict(launching._declared))
    option = Option(name="rack-name", help="Which.", default="A")
    launchers.launcher("rack", Launching(again=("--some",)), options=(option,))(Nothing)
    return launchers.LAUNCHERS["rack"]


def command() -> click.Command:
    return _launching.LaunchingCommand("any", params=[click.Option(["--all"], is_flag=True)])


@pytest.mark.parametrize("name", ["process", "docker", "remote"])
def test_what_earlier_files_mean_is_what_the_launcher_declares(name: str) -> None:
    assert launchers.registered()[name].launching == launching.of_earlier(name)


def test_a_launcher_that_nobody_knows_is_taken_for_a_process() -> None:
    assert launching.of("gone") == Launching()


def test_a_record_of_an_earlier_schema_has_what_its_launcher_was() -> None:
    facts = fakes.server_facts(fakes.Fake(launcher="remote"))
    assert facts.launching is None
    assert not facts.way.starts
    assert not facts.way.here


def test_it_is_told_its_own_options_alone(rack: Registered) -> None:
    given = {"rack_name": "B", "listen": "10.0.0.1"}
    made = rack.made(given)
    assert isinstance(made, Nothing)
    assert made.rack_name == "B"
    assert rack.configured(given).again == ("--some", "--rack-name", "B")
    assert rack.configured({}) == rack.launching == launching.of("rack")


def test_a_command_takes_the_options_of_all_launchers(rack: Registered) -> None:
    found = command()
    with found.make_context("any", ["--rack-name", "B", "--all"]) as context:
        assert _launching.given(context.params) == {"rack_name": "B"}
        assert context.params["all"] is True
        text = found.get_help(context)
    words = text.split()
    assert words.index("--rack-name") < words.index("--help")
    assert "[default: (A)]" in " ".join(words)
    assert rack.options


def test_an_option_of_a_launcher_that_is_not_used_is_refused(rack: Registered) -> None:
    given = {"rack_name": "B"}
    assert [option.parameter for option in rack.options] == list(given)
    _launching.require_used(given, ["process", "rack"])
    with pytest.raises(UsageError, match="--rack-name goes with --launcher rack"):
        _launching.require_used(given, ["process"])


def test_two_options_of_one_name_are_refused(rack: Registered) -> None:
    other = click.Option(["--rack-name"])
    found = _launching.LaunchingCommand("any", params=[other])
    with pytest.raises(UsageError, match="has an option --rack-name, which another launcher or"):
        found.get_params(click.Context(found))
    assert rack.options[0].parameter == "rack_name"


@pytest.mark.parametrize(
    ("way", "overload_s", "restart"),
    [
        (Launching(), 3, True),
        (Launching(overloads=False), 0, True),
        (Launching(restarts=False), 3, False),
    ],
)
def test_a_server_is_put_through_what_its_launcher_can(
    way: Launching, overload_s: float, restart: bool
) -> None:
    found = straining.order(PRESET, None, None, way)
    assert (found.overload_s, found.shutdown, found.restart) == (overload_s, True, restart)


def test_a_rate_beyond_the_generator_is_told() -> None:
    assert straining.beyond(None, 1e6) == straining.beyond(0.0, 1e6) == ""
    assert straining.beyond(1000.0, 800.0) == ""
    assert straining.beyond(1000.0, 801.0).startswith("801/s is more than 80% of the 1000/s that")


def test_images_have_a_launcher_that_declares_so(rack: Registered) -> None:
    assert not rack.launching.runs_images
    assert launching.for_images() == "docker"
    for name in ("docker", "cloud-run", "kubernetes"):
        launching.declare(name, Launching(starts=False, installs=False))
    launching.declare("pods", Launching(installs=False))
    assert launching.for_images() == "pods"


def test_every_field_of_a_declaration_has_a_default() -> None:
    """A later one must not break the launchers that others have written."""
    assert MISSING not in [field.default for field in fields(Launching)]
