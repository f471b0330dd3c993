"""The price table: the one that comes with the harness, and wrong ones."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

import pytest

from harness.analyse.cost import prices
from harness.base import paths
from harness.base.errors import UsageError

ROW = """
[[instance]]
provider = "Some"
type = "small"
vcpus = 2
memory_gib = 4
gpu = "none"
usd_per_hour = 0.1
region = "here"
date = 2026-01-02
source = "https://example.org/prices"
"""
PLATFORM = """
[[serverless]]
provider = "Some"
service = "Functions"
memory_gib = 2
memory_gib_max = 10
memory_buys_cpu = true
usd_per_gib_second = 0.00002
usd_per_million_requests = 0.2
rounded_up_to_ms = 1
shared = false
region = "here"
date = 2026-01-02
source = "https://example.org/prices"
"""
GOOD = ROW + PLATFORM


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def complaint(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        prices.load(file)
    assert str(caught.value).startswith(f"{file}: ")
    return str(caught.value).removeprefix(f"{file}: ")


def test_our_own_has_machines_of_several_providers_and_both_platforms() -> None:
    table = prices.load()
    for has_gpu in (False, True):
        chosen = [row for row in table.instance if (row.gpu != prices.NO_GPU) is has_gpu]
        assert len({row.provider for row in chosen}) >= 3
    services = " ".join(row.service for row in table.serverless)
    for service in ("Lambda (x86)", "Lambda (arm64)", "Functions (Consumption)", "Cloud Run"):
        assert service in services
    kept = [row.service for row in table.serverless if row.provisioned_usd_per_gib_second]
    assert kept == ["Lambda (x86)", "Lambda (arm64)"]
    today = datetime.date.today()
    assert all(row.date <= today for row in (*table.instance, *table.serverless))


def test_our_own_is_in_the_package() -> None:
    declared = tomllib.loads((paths.PROJECT / "pyproject.toml").read_text())
    data = declared["tool"]["setuptools"]["package-data"]["harness"]
    assert paths.prices_file().relative_to(paths.PROJECT / "harness").as_posix() in data


def test_a_table_of_ones_own_takes_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(GOOD)
    monkeypatch.setenv("HARNESS_PRICES", str(file))
    assert [row.type for row in prices.load().instance] == ["small"]
    assert [row.service for row in prices.load().serverless] == ["Functions"]


@pytest.mark.parametrize(
    "key",
    [line.partition(" ")[0] for line in ROW.splitlines() if "=" in line],
)
def test_a_missing_key_of_a_machine_is_named_with_its_row(file: Path, key: str) -> None:
    kept = "\n".join(line for line in ROW.splitlines() if not line.startswith(f"{key} "))
    said = complaint(file, ROW.replace("small", "first") + kept)
    assert said.startswith("row 2 of [[instance]] (")
    assert said.endswith(f": key 'instance.1.{key}' is missing.")


@pytest.mark.parametrize(
    "key",
    [line.partition(" ")[0] for line in PLATFORM.splitlines() if "=" in line],
)
def test_a_missing_key_of_a_platform_is_named_with_its_row(file: Path, key: str) -> None:
    kept = "\n".join(line for line in PLATFORM.splitlines() if not line.startswith(f"{key} "))
    said = complaint(file, ROW + kept)
    assert said.startswith("row 1 of [[serverless]] (")
    assert said.endswith(f": key 'serverless.0.{key}' is missing.")


@pytest.mark.parametrize("wrong", ["0", "0.0", "-0.1"])
@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("usd_per_hour", "row 1 of [[instance]] (Some, small, here): key 'instance.0"),
        (
            "usd_per_gib_second",
            "row 1 of [[serverless]] (Some, Functions, here): key 'serverless.0",
        ),
        ("usd_per_million_requests", "row 1 of [[serverless]] (Some, Functions, here): key"),
        ("vcpus", "row 1 of [[instance]] (Some, small, here): key 'instance.0.vcpus'"),
    ],
)
def test_a_price_of_zero_is_no_price(file: Path, key: str, place: str, wrong: str) -> None:
    lines = [f"{key} = {wrong}" if s.startswith(f"{key} ") else s for s in GOOD.splitlines()]
    said = complaint(file, "\n".join(lines))
    assert said.startswith(place)
    assert key in said
    assert "greater than 0" in said or "valid integer" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("usd_per_hour = 0.1", "usd_per_hour = inf", "finite number"),
        ("usd_per_hour = 0.1", 'usd_per_hour = "cheap"', "valid number"),
        (
            "usd_per_hour = 0.1",
            "usd_per_hour = 0.1\nusd_an_hour = 1",
            "did you mean 'usd_per_hour'",
        ),
        ("date = 2026-01-02", 'date = "long ago"', "key 'instance.0.date'"),
        ("https://example.org", "javascript:alert(1)//", "key 'instance.0.source'"),
        ("memory_gib_max = 10", "memory_gib_max = 1", "'memory_gib_max' is below 'memory_gib'"),
        ("memory_buys_cpu = true", "memory_buys_cpu = false", "give 'usd_per_vcpu_second' unless"),
        ("shared = false", "shared = false\nusd_per_vcpu_second = 1", "and not beside it"),
        ("shared = false", "shared = false\nusd_per_vcpu_second = 0", "greater than 0"),
        ("shared = false", "shared = false\nleast_ms = 0", "greater than 0"),
        ("shared = false", "shared = false\nmemory_step_gib = 0", "greater than 0"),
        (
            "shared = false",
            "shared = false\nprovisioned_usd_per_gib_second = 1",
            "goes with 'provisioned_busy_usd_per_gib_second'",
        ),
        (
            "shared = false",
            "shared = false\nprovisioned_busy_usd_per_gib_second = 1",
            "goes with 'provisioned_busy_usd_per_gib_second'",
        ),
        ("[[serverless]]", ROW + "[[serverless]]", "two rows describe Some small here."),
    ],
)
def test_what_else_is_wrong_is_said(file: Path, old: str, new: str, said: str) -> None:
    assert said in complaint(file, GOOD.replace(old, new, 1))


def test_an_empty_and_a_missing_table(file: Path) -> None:
    assert complaint(file, "") == "it has no [[instance]] and no [[serverless]]."
    file.unlink()
    with pytest.raises(UsageError, match=r"prices\.toml is missing\.$"):
        prices.load(file)
