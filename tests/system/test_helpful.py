"""What the command line does for its user: plans, choices, patterns, completion, campaign files."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base import paths
from harness.cli import main
from harness.measure.watch import host
from harness.stored import store
from tests import fakes
from tests.system.conftest import Command
from tests.system.sandbox import BENCHMARK, SERVER, Sandbox, variant

SHARES = BENCHMARK.replace("rate_per_s = 200.0", "rate_share = 0.25")
REQUIREMENTS = "no-such-distribution\n"
LOCK = f"no-such-distribution==1.0 \\\n    --hash=sha256:{'0' * 64}\n"


def _words(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else ""


def _planned(cli: Command, *arguments: str) -> list[str]:
    """Names of the variants that a dry run would measure, without the reference points."""
    done = cli("run", *arguments, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    names = dict.fromkeys(cell["variant"] for cell in json.loads(done.stdout)["cells"])
    return [name for name in names if name not in ("in-process", "null")]


def _store_campaign(sandbox: Sandbox) -> None:
    """A campaign of this machine that measured 400/s in process."""
    plan = fakes.campaign([fakes.Fake("_fake")], 1, ("noop",), "before")
    facts = replace(plan.benchmarks["noop"], version=1, capacity_per_s=400.0, artefact={})
    folder = sandbox.results / plan.id
    store.require_writable(folder)
    here = host.environment()
    store.write_campaign(folder, replace(plan, environment=here, benchmarks={"noop": facts}))


@pytest.fixture
def several(sandbox: Sandbox) -> Sandbox:
    tuned = variant("ham-tuned").replace('"matched"', '"tuned"')
    sandbox.add_server("ham", SERVER + variant("ham") + variant("ham-b") + tuned)
    sandbox.add_server("egg", SERVER + variant("egg"))
    return sandbox


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["ham*"], ["ham", "ham-b", "ham-tuned"]),
        (["ham-?"], ["ham-b"]),
        (["[eh]*", "--exclude", "ham*"], ["egg"]),
        (["ham*", "ham-b", "--exclude", "ham"], ["ham-b", "ham-tuned"]),
        (["--all", "--exclude", "*-*"], ["egg", "ham"]),
        (["ham*", "--exclude", "ham-b", "--exclude", "egg"], ["ham", "ham-tuned"]),
        (["ham*", "--track", "tuned"], ["ham-tuned"]),
    ],
    ids=_words,
)
def test_patterns_name_variants_and_leave_them_out(
    cli: Command, several: Sandbox, arguments: list[str], names: list[str]
) -> None:
    assert _planned(cli, *arguments) == names


def test_a_pattern_of_benchmarks(cli: Command, several: Sandbox) -> None:
    shutil.copytree(several.benchmarks / "noop", several.benchmarks / "noop-too")
    done = cli("run", "egg", "--benchmark", "noop*", "--dry-run", "--json")
    assert {c["benchmark"] for c in json.loads(done.stdout)["cells"]} == {"noop", "noop-too"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["spam*"], "No variant matches 'spam*'. Known: egg, ham, ham-b, ham-tuned, in-process"),
        (["egg", "--benchmark", "spam*"], "No benchmark matches 'spam*'. Known: noop."),
        (["egg", "--exclude", "e*"], "--exclude leaves no variant: egg."),
        (["egg", "--exclude", "eg"], "There is no variant 'eg'. Did you mean 'egg'?"),
        (["egg", "--exclude", "null"], "null is a reference point, which is always measured."),
        (["egg", "--track", "tuned"], "no requested variant is on it: egg is matched."),
    ],
    ids=_words,
)
def test_a_pattern_that_fits_nothing(
    cli: Command, several: Sandbox, arguments: list[str], sentence: str
) -> None:
    done = cli("run", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_track_leaves_out_is_said(cli: Command, several: Sandbox) -> None:
    asked = ("run", "egg", "ham-tuned", "--track", "matched", "--dry-run")
    why = "its track is tuned, and --track asks for matched"
    assert f"left out: ham-tuned: {why}\n" in cli(*asked).stdout
    shown = json.loads(cli(*asked, "--json").stdout)
    assert shown["left_out"] == [{"what": "ham-tuned", "why": why}]
    everything = json.loads(cli("run", "--all", "--track", "matched", "--dry-run", "--json").stdout)
    assert everything["left_out"] == [], "who asks for all of a track has it"


# --- dry runs -----------------------------------------------------------------------------------


def test_a_dry_run_applies_the_budget(cli: Command, sandbox: Sandbox) -> None:
    done = cli("run", "_fake", "_fake-slow", "--rounds", "3", "--budget", "60s", "--dry-run")
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "in-process on noop, round 1",
        "null on noop, round 1",
        "_fake on noop, round 1",
    ], "a cell that never ran is guessed at 15 s"
    left = "_fake-slow on noop, round 1; round 2; round 3"
    assert lines[3] == f"left out: {left}: it does not fit into the time budget"
    assert "never more than --budget, 1 min" in lines[-1]
    too_short = cli("run", "_fake", "--budget", "1s", "--dry-run")
    assert too_short.returncode == 4
    assert "No cell fits" in too_short.stderr


def test_a_dry_run_says_what_must_be_installed(cli: Command, sandbox: Sandbox) -> None:
    folder = sandbox.add_server("heavy", SERVER + variant("heavy") + variant("heavy-b"))
    (folder / "requirements.in").write_text(REQUIREMENTS)
    unlocked = cli("run", "heavy", "--dry-run").stdout
    assert "heavy can't be: heavy has no lock requirements.txt. Make it with: python" in unlocked
    (folder / "requirements.txt").write_text(LOCK)
    noop = sandbox.benchmarks / "noop"
    (noop / "build.py").write_text("")
    found = json.loads(cli("run", "heavy", "heavy-b", "--dry-run", "--json").stdout)
    assert found["to_install"] == ["the model of noop", "the environment heavy-onnx"]
    said = cli("run", "heavy", "--dry-run").stdout
    assert (
        "first    installed or built once, and kept: the model of noop, the environment h" in said
    )
    assert said.rstrip().endswith("; installation is extra")
    assert not sandbox.cache.exists(), "nothing is made"


def test_a_dry_run_shows_rates_as_the_last_campaign_knew_them(
    cli: Command, sandbox: Sandbox
) -> None:
    (sandbox.benchmarks / "noop" / "benchmark.toml").write_text(SHARES)
    asked = ("run", "_fake", "--dry-run")
    said = "steady for 0.5 s at 25% of the capacity in process (which is measured first)"
    assert said in cli(*asked).stdout
    profile = json.loads(cli(*asked, "--json").stdout)["load"]["noop"]["profiles"][0]
    assert (profile["rate_share"], profile["rate_per_s"]) == (0.25, None)
    _store_campaign(sandbox)
    said = "steady for 0.5 s at about 100/s (25% of the capacity in process, as in before)"
    assert said in cli(*asked).stdout
    found = json.loads(cli(*asked, "--json").stdout)["load"]["noop"]
    assert (found["capacity_from"], found["profiles"][0]["rate_per_s"]) == ("before", 100.0)


# --- campaign files -----------------------------------------------------------------------------


def test_a_saved_campaign_file_asks_for_the_same(
    cli: Command, several: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "nightly.toml"
    prices = tmp_path / "own.toml"
    prices.write_text((paths.PROJECT / "harness" / "prices.toml").read_text())
    asked = ["ham*", "--exclude", "ham-b", "--rounds", "3", "--budget", "1h", "--strict"]
    asked += ["--benchmark", "noop", "--prices", str(prices), "--dry-run", "--json"]
    saved = cli("run", *asked, "--save", str(file))
    assert saved.returncode == 0, saved.stderr
    assert tomllib.loads(file.read_text()) == {
        "variants": ["ham*"],
        "exclude": ["ham-b"],
        "rounds": 3,
        "budget": "1h",
        "strict": True,
        "benchmark": ["noop"],
        "prices": "own.toml",  # beside the file, wherever both are
    }
    again = cli("run", "--file", str(file), "--dry-run", "--json")
    assert again.returncode == 0, again.stderr
    plans = [json.loads(done.stdout) for done in (saved, again)]
    for plan in plans:
        del plan["campaign"]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("arguments", "names", "rounds"),
    [
        ([], ["ham"], 2),
        (["--rounds", "1"], ["ham"], 1),
        (["egg"], ["egg"], 2),
        (["--all", "--exclude", "ham*"], ["egg"], 2),
    ],
    ids=_words,
)
def test_what_is_given_goes_before_the_file(
    cli: Command, several: Sandbox, arguments: list[str], names: list[str], rounds: int
) -> None:
    file = several.root / "c.toml"
    file.write_text('variants = ["ham"]\nrounds = 2\n')
    done = cli("run", *arguments, "--file", str(file), "--dry-run", "--json")
    cells = json.loads(done.stdout)["cells"]
    assert {c["variant"] for c in cells} - {"in-process", "null"} == set(names)
    assert max(c["round"] for c in cells) == rounds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('variant = ["ham"]', "There is no key 'variant'. Did you mean 'variants'?"),
        ('resume = "c"', "There is no key 'resume'."),
        ('rounds = "many"', "key 'rounds': 'many' is not a valid integer"),
        ("rounds = [1]", "key 'rounds': write a text or a number."),
        ("all = 1", "key 'all': write true or false."),
        ("variants = [true]", "key 'variants': write a list of texts."),
        ("variants = {ham = 1}", "key 'variants': write a list of texts."),
        ('device = "tpu"', "key 'device': 'tpu' is not one of 'cpu', 'gpu'."),
        ("all = true\nall = true", "can't be read as TOML"),
        ('variants = ["hamm"]', "There is no variant 'hamm'. Did you mean 'ham'?"),
    ],
)
def test_a_wrong_campaign_file(cli: Command, several: Sandbox, text: str, sentence: str) -> None:
    file = several.root / "c.toml"
    file.write_text(text)
    done = cli("run", "--file", str(file))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not several.results.exists()


def test_a_campaign_file_that_is_not_there_or_already_is(cli: Command, several: Sandbox) -> None:
    file = several.root / "c.toml"
    assert "c.toml is missing." in cli("run", "--file", str(file)).stderr
    file.write_text("strict = true")
    kept = cli("run", "ham", "--save", str(file), "--dry-run")
    assert kept.returncode == 2
    assert "c.toml exists already." in kept.stderr
    assert file.read_text() == "strict = true"
    nowhere = cli("run", "ham", "--save", str(several.root / "no" / "c.toml"), "--dry-run")
    assert nowhere.returncode == 1
    assert "can't be written: No such file or directory." in nowhere.stderr
    for flag in ("--file", "--save"):
        beside = cli("run", "--resume", "c", flag, str(file))
        assert beside.returncode == 2
        assert f"leave out {flag}" in beside.stderr


# --- shells -------------------------------------------------------------------------------------


_AS_A_SCRIPT = """
import sys
from harness.cli import main
sys.argv[0] = "serving-harness"
main()
"""


def _completed(sandbox: Sandbox, *words: str) -> list[str]:
    """What bash is offered for the last word of `serving-harness ...`."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_A_SCRIPT],
        env={
            **sandbox.environment,
            "_SERVING_HARNESS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["serving-harness", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
        cwd=paths.PROJECT,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["re"], ["record", "report"]),
        (["run", "--dr"], ["--driver", "--dry-run"]),
        (["run", "ham-"], ["ham-b", "ham-tuned"]),
        (["run", "egg", "--preset", "q"], ["quick"]),
        (["verify", "--benchmark", ""], ["noop"]),
        (["report", "be"], ["before"]),
        (["run", "--resume", "b"], ["before"]),
        (["nonsense", "x"], []),
    ],
    ids=_words,
)
def test_a_shell_completes(several: Sandbox, words: list[str], offered: list[str]) -> None:
    _store_campaign(several)
    assert _completed(several, *words) == offered


def test_names_for_tests_are_not_completed(sandbox: Sandbox) -> None:
    assert not [name for name in _completed(sandbox, "run", "") if name.startswith("_")]


def test_a_broken_file_leaves_help_and_completion_alone(cli: Command, sandbox: Sandbox) -> None:
    (sandbox.benchmarks / "presets.toml").write_text("[")
    done = cli("run", "--help")
    assert done.returncode == 0
    assert "--preset NAME" in done.stdout
    assert _completed(sandbox, "run", "--preset", "") == []


def test_the_console_script_is_the_command_line() -> None:
    project = tomllib.loads((paths.PROJECT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["serving-harness"].partition(":")
    assert getattr(importlib.import_module(module), function) is main


# --- what is being done -------------------------------------------------------------------------


@pytest.mark.slow
def test_verify_says_what_it_is_doing(cli: Command, sandbox: Sandbox) -> None:
    done = cli("verify", "_fake", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "noop: asking the reference",
        "in-process on noop",
        "null on noop",
        "_fake on noop",
    ]
    assert [json.loads(line)["variant"] for line in done.stdout.splitlines()] == [
        "in-process",
        "null",
        "_fake",
    ]


@pytest.mark.slow
def test_verify_shows_phases_on_a_terminal(sandbox: Sandbox) -> None:
    done = sandbox.on_a_terminal("verify", "_fake")
    assert done.returncode == 0
    # Those of a few milliseconds may begin and end between two pictures.
    assert re.search("_fake on noop: (launch|ready|verify|stop)", done.stderr)
    assert done.stdout.splitlines()[-1] == "_fake on noop: 21 answers right"


@pytest.mark.slow
def test_making_a_model_is_said(cli: Command, sandbox: Sandbox) -> None:
    (sandbox.benchmarks / "noop" / "build.py").write_text("")
    done = cli("verify", "null")
    assert "making the model of noop\n" in done.stderr
    assert "making the model" not in cli("verify", "null").stderr, "it is kept"
