"""What the command line says to a wrong name, option or file, before anything has started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.base import marks, paths
from harness.measure.campaign import session
from harness.measure.watch import gpu
from harness.stored.identity import told
from tests import fakes
from tests.cells import cell_of
from tests.system.conftest import Command
from tests.system.sandbox import SERVER, Sandbox, variant

RIGHT_SERVER = SERVER + variant("mine")


def _words(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rum"], "There is no command 'rum'. Did you mean 'run'?"),
        (["run", "nul"], "There is no variant 'nul'. Did you mean 'null'?"),
        (["run", "zzz"], "There is no variant 'zzz'. Known: in-process, null."),
        (["run", "_fake-slwo"], "There is no variant '_fake-slwo'. "),
        (["run", "null", "--benchmark", "nop"], "no benchmark 'nop'. Did you mean 'noop'?"),
        (["run", "null", "--preset", "quik"], "no preset 'quik'. Did you mean 'quick'?"),
        (["run", "null", "--launcher", "proces"], "no launcher 'proces'. Did you mean 'process'?"),
        (["run", "null", "--driver", "nativ"], "no driver 'nativ'. Did you mean 'native'?"),
        (["run"], "Name variants, or give --all."),
        (["run", "null", "--all"], "Name variants, or give --all."),
        (["run", "null", "--campaign", "../x"], "'../x' can't be a campaign's name"),
        (["run", "null", "--campaign", "a/b"], "'a/b' can't be a campaign's name"),
        (["run", "null", "--campaign", ".x"], "'.x' can't be a campaign's name"),
        (["run", "null", "--campaign", ".."], "'..' can't be a campaign's name"),
        (["run", "null", "--campaign", "a b"], "'a b' can't be a campaign's name"),
        (["run", "null", "--campaign", "a\nb"], "'a\\nb' can't be a campaign's name"),
        (["run", "null", "--campaign", "-a"], "'-a' can't be a campaign's name"),
        (["run", "null", "--campaign", "\u00e4"], "can't be a campaign's name"),
        (["run", "null", "--campaign", "a" * 101], "can't be a campaign's name"),
        (["run", "null", "--campaign", "history"], "the name of a page of the reports"),
        (["run", "--resume", "nobody"], "There is no campaign in "),
        (["run", "--resume", "../x"], "'../x' can't be a campaign's name"),
        (["run", "null", "--resume", "nobody"], "leave out the variants"),
        (
            ["run", "--resume", "nobody", "--rounds", "3", "--preset", "quick"],
            "leave out --preset, --rounds",
        ),
        (["run", "--resume", "nobody", "--device", "cpu"], "leave out --device"),
        (
            ["run", "--resume", "nobody", "--request", "{}", "--beside", "null", "--unchecked"],
            "leave out --request, --unchecked, --beside",
        ),
        (["run", "--resume", "nobody", "--ready-path", "/"], "leave out --ready-path"),
        (["run", "null", "--prediction", "x"], "go with --launcher remote"),
        (["verify", "null", "--name", "mine"], "go with --launcher remote"),
        (["run", "null", "--ready-path", "/up"], "--ready-path goes with --image"),
        (["run", "null", "--workers", "2"], "--master and --workers go with --driver locust"),
        (["load", "http://h/", "--rate", "9", "--master", "h:1"], "go with --driver locust"),
        (["capacity", "null", "--budget", "1s"], "too short for a search: give 3s or more"),
        (["capacity", "me:pass@h", "--slo", "p99<1s"], "'***@h' is not a URL that starts with"),
        (["run", "null", "--insecure"], "go with --launcher remote"),
        (["capacity", "null", "--anyway"], "--anyway goes with a URL"),
        (
            ["capacity", "http://h/", "--slo", "p99<1s", "--budget", "1s"],
            "too short for a search: give 3s or more",
        ),
        (["verify"], "Name variants, or give --all."),
        (["verify", "nul"], "There is no variant 'nul'. Did you mean 'null'?"),
        (["verify", "null", "--benchmark", "nop"], "no benchmark 'nop'. Did you mean 'noop'?"),
        (["verify", "null", "--launcher", "proces"], "no launcher 'proces'."),
        (["report", "nobody"], "There is no campaign in "),
        (["report", "../x"], "'../x' can't be a campaign's name"),
        (["report"], "There is no campaign in "),
    ],
    ids=_words,
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(
    cli: Command, sandbox: Sandbox, arguments: list[str], sentence: str
) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout
    assert not sandbox.results.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "null", "--rounds", "0"], "--rounds"),
        (["run", "null", "--rounds", "many"], "--rounds"),
        (["run", "null", "--device", "tpu"], "--device"),
        (["run", "null", "--track", "fast"], "--track"),
        (["run", "null", "--rouns", "2"], "--rouns"),
        (["list", "surplus"], "surplus"),
        (["load"], "URL"),
    ],
    ids=_words,
)
def test_a_wrong_option_is_named(cli: Command, arguments: list[str], sentence: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (RIGHT_SERVER + 'wibble = "x"', "unknown key 'variant.0.wibble'; known keys: "),
        (RIGHT_SERVER + 'redy_path = "/"', "'variant.0.redy_path'; did you mean 'ready_path'?"),
        ('hompage = ""\n' + RIGHT_SERVER, "unknown key 'hompage'; did you mean 'homepage'?"),
        (RIGHT_SERVER + "batching = { max_sise = 4 }", "did you mean 'max_size'?"),
        (RIGHT_SERVER + 'port = "many"', "key 'variant.0.port': "),
        (RIGHT_SERVER + "port = 70000", "key 'variant.0.port': "),
        (RIGHT_SERVER + 'stop_signal = "SIGTREM"', "'SIGTREM' is not a signal"),
        (RIGHT_SERVER + 'ready_path = "health"', "key 'variant.0.ready_path': "),
        (SERVER, "key 'variant' is missing"),
        (SERVER + variant("mine", 'command = ["{bni}/python"]'), "placeholder 'bni'"),
        (SERVER + variant("null"), "variant 'null' is also in "),
        ("framework = ", "can't be read as TOML"),
    ],
)
def test_what_is_wrong_in_a_server_toml_is_named(
    cli: Command, sandbox: Sandbox, table: str, sentence: str
) -> None:
    folder = sandbox.add_server("mine", table)
    done = cli("verify", "one-of-mine")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert str(folder / "server.toml") in done.stderr
    assert not done.stdout


def test_a_server_toml_that_is_wrong_stops_no_other(cli: Command, sandbox: Sandbox) -> None:
    folder = sandbox.add_server("mine", "framework = ")
    shown = cli("list")
    assert shown.returncode == 0, shown.stderr
    assert f"{folder / 'server.toml'} can't be read as TOML" in shown.stdout
    assert "_fake" not in shown.stdout
    assert "null" in shown.stdout
    (broken,) = json.loads(cli("list", "--json").stdout)["broken_servers"]
    assert broken["name"] == "mine"
    planned = cli("run", "--all", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert f"warning: left out: {folder / 'server.toml'} can't be read" in planned.stderr


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("tolerance =", "tolerence =", "unknown key 'tolerence'; did you mean 'tolerance'?"),
        ("rate_per_s =", "rate_per_sec =", "did you mean 'rate_per_s'?"),
        ('"poisson"', '"poison"', "There is no shape 'poison'. Did you mean 'poisson'?"),
        ("concurrency = 4", "", "a closed loop needs 'concurrency'"),
        ("rate_per_s = 200.0", "", "give either 'rate_share' or 'rate_per_s'"),
        ("version = 1", "", "key 'version' is missing"),
        ("duration_s = 0.5", "duration_s = inf", "key 'profile.0.duration_s': "),
        ("rate_per_s = 200.0", "rate_per_s = nan", "key 'profile.0.rate_per_s': "),
        ("duration_s = 0.5", "duration_s = 0", "key 'profile.0.duration_s': "),
        ("tolerance = 1e-9", 'tolerance = "small"', "key 'tolerance': "),
    ],
)
def test_what_is_wrong_in_a_benchmark_toml_is_named(
    cli: Command, sandbox: Sandbox, before: str, after: str, sentence: str
) -> None:
    file = sandbox.benchmarks / "noop" / "benchmark.toml"
    file.write_text(file.read_text().replace(before, after))
    done = cli("run", "null")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert str(file) in done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"instance": ', "payloads.jsonl, line 22: not "),
        ('{"instanze": 1}', "payloads.jsonl, line 22: not "),
        ("[]", "payloads.jsonl, line 22: not "),
    ],
)
def test_what_is_wrong_in_the_payloads_is_named(
    cli: Command, sandbox: Sandbox, line: str, sentence: str
) -> None:
    file = sandbox.benchmarks / "noop" / "payloads.jsonl"
    file.write_text(file.read_text().rstrip("\n") + f"\n{line}\n")
    done = cli("run", "null")
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_benchmark_without_a_predictor_is_refused(cli: Command, sandbox: Sandbox) -> None:
    predictor = sandbox.benchmarks / "noop" / "predictor.py"
    predictor.unlink()
    done = cli("run", "null")
    assert done.returncode == 2
    assert f"{predictor} is missing." in done.stderr


def test_a_bad_benchmark_stops_only_itself(cli: Command, sandbox: Sandbox) -> None:
    bad = sandbox.benchmarks / "bad" / "benchmark.toml"
    _file(bad)
    bad.write_text("version = ")
    (sandbox.benchmarks / "unreadable").mkdir()
    os.mkfifo(sandbox.benchmarks / "unreadable" / "benchmark.toml")
    found = {b["name"]: b for b in json.loads(cli("list", "--json").stdout)["benchmarks"]}
    assert found["noop"]["why_not"] is None
    assert str(bad) in found["bad"]["why_not"]
    assert "not a regular file" in found["unreadable"]["why_not"]
    assert str(bad) in cli("list").stdout
    assert cli("run", "null", "--benchmark", "noop", "--dry-run").returncode == 0
    done = cli("run", "null", "--benchmark", "bad", "--dry-run")
    assert (done.returncode, str(bad) in done.stderr) == (2, True)
    presets = sandbox.benchmarks / "presets.toml"
    presets.write_text(presets.read_text().replace('["noop"]', '["bad", "noop"]'))
    done = cli("run", "null", "--dry-run")
    assert done.returncode == 0
    assert f"left out: bad: {bad}" in done.stderr


def test_a_page_of_somebody_else_is_not_overwritten(cli: Command, sandbox: Sandbox) -> None:
    fakes.stored_campaign(sandbox.results / "mine", [fakes.Fake()], rounds=1)
    theirs = [sandbox.reports / "index.html", sandbox.reports / "mine" / "index.html"]
    for page in theirs:
        _file(page)
        page.write_text("<title>My own page</title>")
    done = cli("report", "mine")
    assert done.returncode == 1
    assert f"The harness did not write {theirs[1]}" in done.stderr
    theirs[1].unlink()
    done = cli("report", "mine")
    assert done.returncode == 1
    assert f"The harness did not write {theirs[0]}" in done.stderr
    assert theirs[0].read_text() == "<title>My own page</title>"
    assert "Serving Harness: mine" in theirs[1].read_text()


def test_a_device_is_written_into_and_not_replaced(cli: Command, sandbox: Sandbox) -> None:
    for name in ("one", "two"):
        plan = fakes.campaign([fakes.Fake()], rounds=2, benchmarks=["noop"], id=name)
        fakes.stored_campaign(sandbox.results / name, [fakes.Fake()], rounds=2, plan=plan)
    pipe = sandbox.root / "pipe"
    os.mkfifo(pipe)
    done = cli("compare", "one", "two", "--output", str(pipe))
    assert done.returncode == 1
    assert f"{pipe} can't be written" in done.stderr, "nobody reads it"
    assert pipe.is_fifo()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert cli("compare", "one", "two", "--output", str(pipe), "--json").returncode in (0, 2)
    assert os.read(reader, 1) == b"{"
    os.close(reader)


@pytest.mark.parametrize("kind", ["results", "reports", "cache"])
def test_what_cannot_be_written_is_said_before_anything_is_measured(
    cli: Command, sandbox: Sandbox, kind: str
) -> None:
    (sandbox.root / kind).write_text("a file where the folder should be")
    done = cli("run", "null", "--campaign", "mine")
    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert str(sandbox.root / kind) in done.stderr
    assert not list(sandbox.root.rglob("campaign.json"))


def test_a_lock_that_is_no_file_is_a_sentence(cli: Command, sandbox: Sandbox) -> None:
    os.mkfifo(sandbox.scratch / "serving-harness.lock")
    done = cli("run", "null", "--campaign", "mine")
    assert done.returncode == 2
    assert "can't be opened: it is not a regular file" in done.stderr


def test_what_is_wrong_in_the_presets_is_named(cli: Command, sandbox: Sandbox) -> None:
    file = sandbox.benchmarks / "presets.toml"
    file.write_text(file.read_text().replace("rounds = 1", "round = 1"))
    done = cli("run", "null")
    assert done.returncode == 2
    assert f"{file}: " in done.stderr
    assert "did you mean 'rounds'?" in done.stderr


def test_a_campaign_is_not_written_over(cli: Command, sandbox: Sandbox) -> None:
    fakes.stored_campaign(sandbox.results / "mine", [fakes.Fake()], rounds=1)
    before = _stamps(sandbox.results)
    done = cli("run", "null", "--campaign", "mine")
    assert done.returncode == 2
    assert "exists already. Continue it with --resume mine." in done.stderr
    assert _stamps(sandbox.results) == before


def test_a_campaign_of_another_machine_is_not_gone_on_with(cli: Command, sandbox: Sandbox) -> None:
    plan = fakes.campaign([fakes.Fake("null")], rounds=1, benchmarks=["noop"], id="theirs")
    fakes.stored_campaign(sandbox.results / "theirs", [fakes.Fake("null")], plan=plan)
    done = cli("run", "--resume", "theirs")
    assert done.returncode == 2
    assert "was started on another machine (Imaginary CPU" in done.stderr


def test_a_campaign_of_another_version_of_a_benchmark_is_not_gone_on_with(
    cli: Command, sandbox: Sandbox
) -> None:
    plan = fakes.campaign([fakes.Fake("null")], rounds=1, benchmarks=["noop"], id="old")
    fakes.stored_campaign(sandbox.results / "old", [fakes.Fake("null")], plan=plan)
    file = sandbox.benchmarks / "noop" / "benchmark.toml"
    file.write_text(file.read_text().replace("version = 1", "version = 2"))
    done = cli("run", "--resume", "old")
    assert done.returncode == 2
    assert "was started with version 1 of noop; it is now 2." in done.stderr


def test_where_nothing_runs_on_a_device_nothing_is_started(cli: Command, sandbox: Sandbox) -> None:
    done = cli("run", "_fake", "--device", "gpu")
    assert done.returncode == 4
    found = gpu.why_not() is None
    assert ("_fake does not run on a GPU" if found else "no NVIDIA GPU") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not sandbox.results.exists()


def test_a_dry_run_shows_the_plan_and_starts_nothing(cli: Command, sandbox: Sandbox) -> None:
    done = cli("run", "_fake", "--rounds", "2", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "in-process on noop, round 1",
        "null on noop, round 1",
        "_fake on noop, round 1",
        "_fake on noop, round 2",
        "null on noop, round 2",
        "in-process on noop, round 2",
        "load     noop: steady for 0.5 s at 200/s; saturated for 0.3 s by 4 callers",
        "first    nothing needs to be installed",
        "time     about 2 min; guessed for cells that never ran here: in-process, null, _fake",
    ]
    shown = json.loads(cli("run", "_fake", "--campaign", "c", "--dry-run", "--json").stdout)
    assert shown["campaign"] == "c"
    assert shown["cells"][0] == told(cell_of("in-process", "noop"))
    assert not sandbox.results.exists()
    assert not sandbox.cache.exists()
    assert not list(sandbox.scratch.iterdir())


def test_a_dry_run_says_what_is_left_out_and_why(cli: Command) -> None:
    done = cli("run", "_fake", "--device", "gpu", "--dry-run")
    assert "left out: _fake on noop: _fake does not run on a GPU" in done.stdout


def test_list_has_the_stable_keys(cli: Command) -> None:
    done = cli("list", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    facts = {"name", "server", "track", "protocol", "devices"}
    states = {"launchers", "in_all", "runnable", "why_not"}
    assert facts | states <= found["variants"][0].keys()
    assert [v["name"] for v in found["variants"]] == ["in-process", "null"]
    assert all(v["runnable"] and v["why_not"] is None for v in found["variants"])
    noop, *others = found["benchmarks"]
    assert not others
    assert (noop["name"], noop["version"], noop["payloads"]) == ("noop", 1, 21)
    by_name = {launcher.pop("name"): launcher for launcher in found["launchers"]}
    assert by_name["process"] == {"available": True, "why_not": None, "about": ""}


def test_list_says_why_a_variant_cannot_run(cli: Command, sandbox: Sandbox) -> None:
    folder = sandbox.add_server("unlocked", SERVER + variant("unlocked"))
    (folder / "requirements.in").write_text("anything\n")
    rows = {v["name"]: v for v in json.loads(cli("list", "--json").stdout)["variants"]}
    assert rows["unlocked"]["runnable"] is False
    assert "requirements.txt" in rows["unlocked"]["why_not"]
    assert rows["unlocked"]["reasons"] == [rows["unlocked"]["why_not"]]
    assert "unlocked" in cli("list").stdout


def test_list_says_each_reason_once(sandbox: Sandbox) -> None:
    two = variant("unlocked-a") + variant("unlocked-b")
    (sandbox.add_server("unlocked", SERVER + two) / "requirements.in").write_text("anything\n")
    contained = SERVER + 'only_docker = "Nobody packs it."\n'
    for name in ("boxed", "crated"):
        sandbox.add_server(name, contained + variant(name, 'backend = "torch"'))
    done = sandbox.harness("list", DOCKER_HOST="unix:///nowhere/docker.sock")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if "[" in line)
    assert rows["unlocked-a"] == rows["unlocked-b"]
    assert rows["boxed"] == rows["crated"]
    assert done.stdout.count("unlocked has no lock requirements.txt. Make it with: python") == 1
    assert done.stdout.count("Nobody packs it") == 1
    assert done.stdout.count("/nowhere/docker.sock") == 1


def test_doctor_gives_a_reason_for_each_check(cli: Command) -> None:
    done = cli("doctor", "--json")
    found = json.loads(done.stdout)
    assert {"machine", "cpus", "memory", "kernel"} <= found["environment"].keys()
    assert all(row["message"] for row in found["checks"])
    unfit = any(row["fit"] == "unfit" for row in found["checks"])
    assert {row["fit"] for row in found["checks"]} <= {"good", "doubtful", "unfit"}
    assert done.returncode == (1 if unfit else 0)


def test_doctor_proves_the_generator(cli: Command) -> None:
    checks = {row["name"]: row for row in json.loads(cli("doctor", "--json").stdout)["checks"]}
    assert "/s against the null server" in checks["generator ceiling"]["message"]
    assert "at 1000/s" in checks["send lag"]["message"]


@pytest.mark.parametrize("lacking", ["lock", "null", "benchmarks"])
def test_doctor_says_why_the_generator_could_not_be_proven(
    cli: Command, sandbox: Sandbox, lacking: str
) -> None:
    with contextlib.ExitStack() as stack:
        said = {
            "lock": "Another campaign is measuring on this machine",
            "null": "No server.toml has a variant with 'reference'",
            "benchmarks": "There is no benchmark whose requests the generator could send",
        }[lacking]
        if lacking == "lock":
            stack.enter_context(session.exclusive())
        else:
            shutil.rmtree(sandbox.benchmarks if lacking != "null" else sandbox.servers / "null")
        checks = {row["name"]: row for row in json.loads(cli("doctor", "--json").stdout)["checks"]}
    assert checks["generator ceiling"]["fit"] == checks["send lag"]["fit"] == "doubtful"
    assert said in checks["generator ceiling"]["message"]
    assert "a reading" in checks["clock source"]["message"], "the others are made all the same"


def test_doctor_speaks_to_people_too(cli: Command) -> None:
    done = cli("doctor")
    assert done.returncode in (0, 1)
    assert "cpus: " in done.stdout
    assert re.search(r"launcher: .*\bprocess\b", done.stdout)


def test_clean_removes_the_caches_and_nothing_else(cli: Command, sandbox: Sandbox) -> None:
    for kind in ("environments", "artefacts", "weights"):
        _file(marks.make(sandbox.cache / kind) / "some" / "file")
    _file(sandbox.results / "mine" / "campaign.json")
    _file(sandbox.reports / "mine" / "index.html")

    before = _stamps(sandbox.root)
    shown = cli("clean", "--dry-run")
    assert shown.returncode == 0
    assert shown.stdout.count("would remove ") == 3
    assert _stamps(sandbox.root) == before

    done = cli("clean")
    assert done.returncode == 0
    assert done.stdout.count("removed ") == 3
    assert not list(sandbox.cache.iterdir())
    assert (sandbox.results / "mine" / "campaign.json").exists()
    assert (sandbox.reports / "mine" / "index.html").exists()
    assert cli("clean").stdout == ""


def test_clean_does_not_follow_links(cli: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    _file(precious / "file")
    marks.put(precious)
    (marks.make(sandbox.cache / "environments") / "link").symlink_to(precious)
    (sandbox.cache / "weights").symlink_to(precious)
    assert cli("clean").returncode == 0
    assert not (sandbox.cache / "environments").exists()
    assert (precious / "file").exists()


def test_clean_removes_nothing_without_the_mark(cli: Command, sandbox: Sandbox) -> None:
    """A variable may name the folder that somebody works in."""
    for kind in ("environments", "weights", "revisions"):
        _file(sandbox.cache / kind / "mine")
    _file(sandbox.cache / "costs.json")
    forged = sandbox.cache / "images"
    _file(forged / "mine")
    (forged / marks.NAME).touch()
    before = _stamps(sandbox.root)
    done = cli("clean")
    assert (done.returncode, done.stdout) == (0, "")
    assert "'environments', 'images', 'revisions' and 1 more" in done.stderr
    assert _stamps(sandbox.root) == before


@pytest.mark.parametrize(
    ("name", "value"), [("HARNESS_CACHE", "here"), ("XDG_CACHE_HOME", "./here")]
)
def test_a_relative_cache_is_refused(
    cli: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    monkeypatch.setenv(name, value)
    done = cli("clean")
    assert done.returncode == 2
    assert f"{name} is the relative path {value!r}" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        *([name] for name in ("run", "load", "list", "verify", "report", "images", "compose")),
        *([name] for name in ("doctor", "clean")),
    ],
)
def test_every_command_explains_itself(cli: Command, command: list[str]) -> None:
    done = cli(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")
    assert "--help" in done.stdout


def test_the_module_is_the_command_line(sandbox: Sandbox) -> None:
    """Once as users start it: an interpreter of its own, its streams, its exit code."""
    done = sandbox.harness("run", "nul", "--json")
    assert done.returncode == 2
    assert done.stderr == "error: There is no variant 'nul'. Did you mean 'null'?\n"
    assert not done.stdout


def test_a_folder_of_servers_may_be_a_link(cli: Command, sandbox: Sandbox) -> None:
    shutil.move(sandbox.servers, sandbox.root / "elsewhere")
    sandbox.servers.symlink_to(sandbox.root / "elsewhere")
    assert cli("run", "null", "--dry-run").returncode == 0


def _file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("precious")


def _stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_file_cannot_forge_a_line_nor_act_on_the_terminal(cli: Command, sandbox: Sandbox) -> None:
    text = 'framework = "a"\n"x\\u001b[2J\\nerror: all is well\\u0007" = 1\n'
    (sandbox.servers / "odd").mkdir()
    (sandbox.servers / "odd" / "server.toml").write_text(text)
    done = cli("verify", "one-of-odd")
    assert done.returncode == 2
    assert all(character.isprintable() for line in done.stderr.splitlines() for character in line)
    assert not any(line.startswith("error: all is well") for line in done.stderr.splitlines())
    assert r"\x1b[2J" in done.stderr


def test_a_header_that_cannot_be_sent_is_named_alone(
    cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "sesame\n")
    for command in ("load", "capacity"):
        more = ("--rate", "1") if command == "load" else ("--slo", "p99<50ms")
        done = cli(command, "http://127.0.0.1:9/", *more, "--header", "Authorization: $TOKEN")
        assert done.returncode == 2
        assert (
            "'TOKEN', value of the header 'Authorization', holds a line break at its end"
            in done.stderr
        )
        assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["--version"], ["--help"], ["load", "--help"]]
)
def test_a_full_disk_behind_standard_output_is_a_sentence(
    sandbox: Sandbox, arguments: list[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env={**os.environ, **sandbox.settings},
            cwd=paths.PROJECT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "error: Standard output can't be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr
    if "list" in arguments:
        assert "null" in done.stderr, "what was found is not lost"
