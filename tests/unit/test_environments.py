"""Environments: what must be installed, from where, and when anew."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.base.errors import ProvisionError
from harness.measure.prepare import environments
from harness.measure.prepare.environments import (
    Environment,
    ensure,
    for_variant,
    index_options,
    pip_settings,
    torch_version,
    uncovered,
)
from harness.setup import catalog
from harness.setup.catalog import Variant
from tests.unit.conftest import Project

LOCK = """\
Numpy==2.4.6 \\
    --hash=sha256:00
    # via -r requirements.in
scikit_learn==1.9.1 ; python_version >= "3.11" \\
    --hash=sha256:00
torch==2.13.0
    # via torchvision==0.1
pre==1.0rc1
"""
ABSENT = "a-package-that-nobody-has==1.0 --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Iterator[None]:
    pip_settings.cache_clear()
    yield
    pip_settings.cache_clear()


class Uv:
    """In place of uv: notes the calls, makes what `uv venv` makes, and fails where it must."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fails_at = ""
        monkeypatch.setattr(environments, "uv", self)
        monkeypatch.setattr(environments, "index_options", lambda *_, **__: ["--from", "here"])

    def __call__(self, name: str, *arguments: str) -> None:
        self.calls.append(arguments)
        if arguments[0] == "venv":
            (Path(arguments[-1]) / "bin").mkdir(parents=True)
        if self.fails_at and self.fails_at in arguments:
            raise ProvisionError(f"{name}: broken on purpose")

    @property
    def verbs(self) -> list[str]:
        return [" ".join(call[: 1 if call[0] == "venv" else 2]) for call in self.calls]


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> Uv:
    return Uv(monkeypatch)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(LOCK)
    return path


# --- what a lock covers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "covered"),
    [
        ("numpy", True),
        ("NumPy>=2,<3", True),
        ("numpy<2", False),
        ("numpy==2.4.6", True),
        ("scikit-learn>=1.5", True),
        ("scikit.learn==1.9.0", False),
        ("torch==2.13.0", True),
        ("pre>=1.0rc1", True),  # a pre-release that is pinned was meant
        ("pre>=1.0", False),
        ("torchvision", False),  # only in a comment
        ("onnx", False),
    ],
)
def test_uncovered(requirement: str, covered: bool) -> None:
    assert uncovered([requirement], LOCK) == ([] if covered else [requirement])


@pytest.mark.parametrize(
    ("lock", "version"),
    [(LOCK, "2.13.0"), ("torchvision==0.1\n", None), ("# torch==1.0\n", None), ("", None)],
)
def test_torch_version(lock: str, version: str | None) -> None:
    assert torch_version(lock) == version


# --- where packages come from -------------------------------------------------------------------


def pip_says(monkeypatch: pytest.MonkeyPatch, listing: str) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command == [sys.executable, "-m", "pip", "config", "list"]
        return subprocess.CompletedProcess(command, 0, listing, "")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(
    ("listing", "settings"),
    [
        ("", {}),
        ("global.cert='/a b'", {"cert": ["/a", "b"]}),
        ("global.find-links='/a\\n/b'", {"find-links": ["/a", "/b"]}),
        ('install.find-links="/it\'s"', {"find-links": ["/it's"]}),
        (":env:.index-url='u'\nuser.index-url='v'\nnonsense", {"index-url": ["u"]}),
        (
            # pip lists by the alphabet; what is most specific must come last
            ":env:.index-url='env'\nglobal.index-url='global'\ninstall.index-url='install'",
            {"index-url": ["global", "install", "env"]},
        ),
        (
            ":env:.index-url='same'\nglobal.index-url='same'\ninstall.index-url='other'",
            {"index-url": ["other", "same"]},
        ),
    ],
)
def test_pip_settings(
    monkeypatch: pytest.MonkeyPatch, listing: str, settings: dict[str, list[str]]
) -> None:
    pip_says(monkeypatch, listing)
    assert pip_settings() == settings


@pytest.mark.parametrize(
    ("listing", "options"),
    [
        ("", []),
        ("global.find-links='/a\\nfile:///b'", ["--find-links", "/a", "--find-links", "file:///b"]),
        (
            ":env:.index-url='https://two'\nglobal.index-url='https://one'",
            ["--default-index", "https://two"],
        ),
        (
            "global.extra-index-url='https://one\\n/folder\\nhttp://two'",
            ["--index", "https://one", "--index", "http://two"],
        ),
    ],
)
def test_index_options_hand_on_what_pip_is_told(
    monkeypatch: pytest.MonkeyPatch, listing: str, options: list[str]
) -> None:
    pip_says(monkeypatch, listing)
    assert index_options(None) == options
    assert index_options("2.13.0") == [*options, "--torch-backend", "cpu"]


@pytest.mark.parametrize("prefix", ["", "file://"])
@pytest.mark.parametrize(
    ("wheel", "found"),
    [
        ("torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl", True),
        ("torch-2.13.0-cp311-cp311-linux_x86_64.whl", False),
        ("torch-2.12.0+cpu-cp311-cp311-linux_x86_64.whl", False),
        ("torchvision-2.13.0+cpu-cp311-cp311-linux_x86_64.whl", False),
    ],
)
def test_a_cpu_wheel_at_hand_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheel: str, found: bool, prefix: str
) -> None:
    (tmp_path / wheel).touch()
    pip_says(monkeypatch, f"global.find-links='{prefix}{tmp_path}'")
    assert ("--torch-backend" not in index_options("2.13.0")) is found


# --- what is installed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("fastapi", "0.165.0"),
        ("Ray_Serve", "2.0.post1"),
        ("ray-serve", "2.0.post1"),
        ("ray", None),
        ("serve", None),
        (None, None),
    ],
)
def test_version_of(tmp_path: Path, package: str | None, version: str | None) -> None:
    for name in ("fastapi-0.165.0", "ray_serve-2.0.post1", "fastapi_cli-1.0"):
        (tmp_path / f"lib/python3.11/site-packages/{name}.dist-info").mkdir(parents=True)
    assert Environment(bin=tmp_path / "bin", key="key").version_of(package) == version


def test_version_of_is_right_for_this_very_environment() -> None:
    here = Environment(bin=Path(sys.executable).parent, key="key")
    assert here.version_of("pytest") == pytest.__version__


# --- when it is made ----------------------------------------------------------------------------


def test_an_environment_is_made_once(project: Project, uv: Uv, lock: Path) -> None:
    made = ensure("some", lock)
    assert uv.verbs == ["venv", "pip sync"]
    assert uv.calls[1][-3:] == ("--from", "here", str(lock))
    assert made.bin.parent.parent == project.cache / "environments"
    assert ensure("some", lock) == made
    assert len(uv.calls) == 2


def test_size_and_time_are_written_down_once(project: Project, uv: Uv, lock: Path) -> None:
    made = ensure("some", lock)
    assert made.installed is not None
    assert made.installed.seconds is not None
    file = made.bin / "large"
    file.write_bytes(bytes(100_000))
    (made.bin / "again").hardlink_to(file)
    assert ensure("some", lock) == made


def test_an_environment_of_an_earlier_version_has_a_size(
    project: Project, uv: Uv, lock: Path
) -> None:
    made = ensure("some", lock)
    assert made.installed is not None
    file = made.bin / "large"
    file.write_bytes(bytes(100_000))
    (made.bin / "again").hardlink_to(file)
    (made.bin.parent / "complete").write_text("")
    found = ensure("some", lock).installed
    assert found is not None
    assert found.seconds is None
    assert 100_000 <= found.size_bytes - made.installed.size_bytes < 150_000


def test_what_the_lock_lacks_is_installed_within_its_limits(
    project: Project, uv: Uv, lock: Path
) -> None:
    ensure("some", lock, ["onnx>=1.17", "joblib"])
    assert uv.verbs == ["venv", "pip sync", "pip install"]
    assert uv.calls[2][-4:] == ("--constraints", str(lock), "onnx>=1.17", "joblib")


def test_the_key_changes_with_the_content(project: Project, uv: Uv, lock: Path) -> None:
    first = ensure("some", lock)
    extra = ensure("some", lock, ["onnx"])
    lock.write_text(LOCK.replace("2.4.6", "2.4.7"))
    changed = ensure("some", lock)
    lock.write_text(LOCK)
    assert len({first.key, extra.key, changed.key}) == 3
    assert len({first.bin, extra.bin, changed.bin}) == 3
    assert ensure("some", lock) == first


@pytest.mark.parametrize("step", ["venv", "sync", "install"])
def test_an_interrupted_environment_is_made_anew(
    project: Project, uv: Uv, lock: Path, step: str
) -> None:
    uv.fails_at = step
    with pytest.raises(ProvisionError, match="some: broken on purpose"):
        ensure("some", lock, ["onnx"])
    (folder,) = (path for path in (project.cache / "environments").iterdir() if path.is_dir())
    (folder / "half-made").touch()
    uv.fails_at, uv.calls = "", []
    assert ensure("some", lock, ["onnx"]).bin == folder / "bin"
    assert uv.verbs == ["venv", "pip sync", "pip install"]
    assert not (folder / "half-made").exists()


def test_a_package_that_cannot_be_had_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    lock = tmp_path / "requirements.txt"
    lock.write_text(ABSENT)
    with pytest.raises(ProvisionError) as caught:
        ensure("some", lock)
    assert str(caught.value).startswith("The environment of some can't be installed: ")
    assert "a-package-that-nobody-has" in str(caught.value)
    assert str(caught.value).endswith("Is the package index reachable, and is the disk not full?")


def variant_with_lock(project: Project, more: str = "") -> Variant:
    variant = project.variant(more=more)
    (variant.server.folder / "requirements.in").touch()
    variant.server.lock("onnx").write_text(LOCK)
    return variant


def test_a_server_without_requirements_runs_on_the_harness(project: Project, uv: Uv) -> None:
    environment = for_variant(project.variant(), project.bench())
    assert environment.python == Path(sys.executable)
    assert uv.calls == []


def test_a_server_without_a_lock_is_told_how_to_make_one(project: Project, uv: Uv) -> None:
    variant = variant_with_lock(project, 'backend = "torch"')
    with pytest.raises(ProvisionError, match=r"^some has no lock .*-torch\.txt\. .*lock\.py some$"):
        for_variant(variant, project.bench())


def test_a_server_gets_what_the_predictor_needs_beside_its_lock(project: Project, uv: Uv) -> None:
    variant, bench = variant_with_lock(project), project.bench()
    bench.requirements("onnx").write_text("# ours\nnumpy>=2  # covered\n\nonnx>=1.17\n")
    for_variant(variant, bench)
    assert uv.calls[-1][-1] == "onnx>=1.17"
    assert "numpy>=2" not in uv.calls[-1]


def test_a_reference_loads_no_predictor_and_needs_nothing_of_it(project: Project, uv: Uv) -> None:
    bench = project.bench()
    bench.requirements("onnx").write_text("onnx>=1.17\n")
    for_variant(variant_with_lock(project, "reference = true"), bench)
    assert uv.verbs == ["venv", "pip sync"]


def test_a_line_that_is_no_requirement_is_named(project: Project, uv: Uv) -> None:
    bench = project.bench()
    bench.requirements("onnx").write_text("-r other.in\n")
    with pytest.raises(
        ProvisionError, match=r"'-r other\.in' in a requirements\.in is not a requir"
    ):
        for_variant(variant_with_lock(project), bench)


def test_a_lock_with_cuda_never_gets_a_cpu_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    monkeypatch.setattr(environments, "pip_settings", lambda: {"find-links": [str(tmp_path)]})
    lock = "nvidia-cuda-runtime==13.0.96\ntorch==2.13.0\n"
    assert environments.has_cuda(lock)
    assert not environments.has_cuda("torch==2.13.0\n")
    assert index_options("2.13.0", cuda=True) == []
    assert index_options("2.13.0") == ["--find-links", str(tmp_path)]


def test_each_device_has_a_lock_of_its_own() -> None:
    server = catalog.servers()["fastapi"]
    assert server.lock("torch", "gpu").name == "requirements-torch-gpu.txt"
    assert environments.has_cuda(server.lock("torch", "gpu").read_text())
    assert not environments.has_cuda(server.lock("torch").read_text())
