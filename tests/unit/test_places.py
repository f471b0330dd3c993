"""Where a Docker engine is looked for."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from harness.measure.launch.containers import engine, places


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    return tmp_path / ".docker"


def _context(home: Path, name: str, host: str) -> None:
    folder = home / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    told = {"Name": name, "Endpoints": {"docker": {"Host": host}}}
    (folder / "meta.json").write_text(json.dumps(told))


def test_the_usual_sockets_with_and_without_root(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/mine")
    assert places.candidates() == [
        "unix:///var/run/docker.sock",
        "unix:///run/mine/docker.sock",
        f"unix:///run/user/{os.getuid()}/docker.sock",
        f"unix://{home}/run/docker.sock",
        f"unix://{home}/desktop/docker.sock",
    ]


def test_the_context_in_use_is_the_only_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _context(home, "rootless", "unix:///run/user/7/docker.sock")
    _context(home, "far", "tcp://10.0.0.5:2376")
    (home / "config.json").write_text('{"currentContext": "rootless"}')
    assert places.candidates() == ["unix:///run/user/7/docker.sock"]
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert places.candidates() == ["tcp://10.0.0.5:2376"]
    monkeypatch.setenv("DOCKER_HOST", "unix:///named")
    assert places.candidates() == ["unix:///named"]


@pytest.mark.parametrize(
    "config", ["", "[]", "[" * 100_000, '{"currentContext": "default"}', '{"currentContext": 7}']
)
def test_a_config_that_tells_nothing(home: Path, config: str) -> None:
    (home / "config.json").write_text(config)
    assert places.candidates()[0] == "unix:///var/run/docker.sock"


def test_where_none_answers_all_that_were_asked_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "candidates", lambda: [f"unix://{tmp_path}/{n}" for n in "ab"])
    with pytest.raises(engine.NoEngine) as none:
        engine.connect()
    assert f"unix://{tmp_path}/a (" in str(none.value)
    assert f"unix://{tmp_path}/b (" in str(none.value)


class Client:
    """An engine with those facts."""

    def __init__(self, **info: object) -> None:
        self._info = {"ServerVersion": "27", "OperatingSystem": "Linux", **info}

    def info(self) -> dict[str, object]:
        return self._info


def test_an_engine_that_would_ignore_limits_is_refused_in_its_own_words() -> None:
    able = Client(CPUSet=True, MemoryLimit=True, SwapLimit=False)
    assert engine.why_unlimited(able) is None  # type: ignore[arg-type]
    assert engine.about(able).endswith(", without a swap limit")  # type: ignore[arg-type]
    unable = Client(CPUSet=False, MemoryLimit=True, Warnings=["WARNING: No cpuset support"])
    said = engine.why_unlimited(unable)  # type: ignore[arg-type]
    assert said is not None
    assert "CPUs of their own (cpuset)" in said
    assert "(No cpuset support)" in said
