"""Servers that cheat, each in its own way, and what is found of them; honest ones beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from harness.analyse.run import digest
from harness.analyse.run.digested import Digest
from harness.analyse.run.findings import Verdict
from harness.windows.kinds import WindowKind
from tests.cells import cell_of
from tests.system.conftest import kept
from tests.system.endpoints import Endpoint, Writer, message
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
HONEST = ("_fake", "_fake-slow", "_fake-uneven")
CHEATS = ("_fake-caches", "_fake-looks-up", "_fake-answers-early", "_fake-knows-the-payloads")
# What `noop` answers is right for every payload; here each has an answer of its own.
PREDICTOR = """\
class Predictor:
    def predict(self, instances):
        return [{"label": instance[::-1]} for instance in instances]


def load(artefact_dir, device, threads):
    return Predictor()
"""
PRESETS = """\
[preset.quick]
benchmarks = ["noop"]
profiles = []
rounds = 1
duration_scale = 1.0
warm_up_s = 0.1
proof_s = 0.5
audit_s = 600.0
"""
FROM_A_CACHE, EARLY, UNSEEN = (
    "answers-from-a-cache",
    "answers-before-predicting",
    "fails-on-unseen",
)


def audited(sandbox: Sandbox, predictor: str | None = None) -> Sandbox:
    """With a preset that audits, and another model."""
    (sandbox.benchmarks / "presets.toml").write_text(PRESETS)
    if predictor:
        (sandbox.benchmarks / "noop" / "predictor.py").write_text(predictor)
    return sandbox


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    places = kept(tmp_path_factory.mktemp("gaming"))
    sandbox = audited(next(places), PREDICTOR)
    done = sandbox.harness("run", *HONEST, *CHEATS, "--campaign", "gaming")
    assert done.returncode in (0, 1), done.stderr
    yield sandbox
    next(places, None)


@pytest.fixture(scope="module")
def digests(sandboxed: Sandbox) -> dict[str, Digest]:
    return {
        d.cell.variant_name: d for d in digest.of_campaign(sandboxed.results / "gaming").digests
    }


def accused(found: Digest) -> dict[str, list[str]]:
    """What makes a run INVALID, but for what a noisy host does."""
    names: dict[str, list[str]] = {}
    for finding in found.findings:
        gaming = finding.name in (FROM_A_CACHE, EARLY, UNSEEN, "wrong-answers", "died")
        if gaming and finding.verdict is Verdict.INVALID:
            names.setdefault(finding.name, []).append(finding.message)
    return names


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_server_is_not_accused(digests: dict[str, Digest], name: str) -> None:
    assert accused(digests[name]) == {}
    assert digests[name].facts.of(WindowKind.AUDIT)


def test_the_references_are_not_audited(digests: dict[str, Digest]) -> None:
    assert not any(digests[name].facts.of(WindowKind.AUDIT) for name in ("in-process", "null"))


def test_a_cache_is_found_by_its_predictions_and_by_its_times(digests: dict[str, Digest]) -> None:
    found = accused(digests["_fake-caches"])
    assert set(found) == {FROM_A_CACHE}
    predictions, *by_times = found[FROM_A_CACHE]
    assert "had 0 predictions" in predictions, "everything was asked before timing"
    # What its times show is told where the machine is calm enough to show it.
    assert all("the same, asked again" in each or "known ones" in each for each in by_times)


def test_a_table_of_the_known_answers_is_found(digests: dict[str, Digest]) -> None:
    found = accused(digests["_fake-looks-up"])
    assert set(found) == {FROM_A_CACHE}
    predictions, *by_times = found[FROM_A_CACHE]
    assert "had 0 predictions" in predictions
    assert all("known ones" in each for each in by_times), "the same is computed again"


def test_answers_before_computing_are_wrong_under_load(digests: dict[str, Digest]) -> None:
    found = accused(digests["_fake-answers-early"])
    assert {"wrong-answers"} <= set(found) <= {"wrong-answers", EARLY, FROM_A_CACHE}


def test_one_that_knows_nothing_but_the_payloads_fails_on_others(
    digests: dict[str, Digest],
) -> None:
    found = accused(digests["_fake-knows-the-payloads"])
    assert set(found) == {UNSEEN}
    assert "128 of 192 answers" in found[UNSEEN][0]


def test_a_cheat_is_not_ranked_and_the_report_says_why(sandboxed: Sandbox) -> None:
    page = (sandboxed.reports / "gaming" / "index.html").read_text()
    for words in ("it answers from a cache", "for unseen payloads", "Not ranked"):
        assert words in page


def test_the_audit_is_stored_with_its_requests(sandboxed: Sandbox) -> None:
    run = sandboxed.runs("gaming")[cell_of("_fake-slow", "noop", 1)]
    assert run.audit is not None
    assert len(run.audit.requests) == len(run.audit.calls.batch) == 192
    assert run.audit.facts.checked == 192
    assert (run.audit.requests.payload >= 21).sum() == 128
    assert "audit" in run.facts.phases_s


def test_early_answers_that_happen_to_be_right_are_early_all_the_same(sandbox: Sandbox) -> None:
    done = audited(sandbox).harness("run", "_fake-answers-early", "--campaign", "early")
    assert done.returncode in (0, 1), done.stderr
    digested = digest.of_campaign(sandbox.results / "early").digests
    (found,) = (each for each in digested if not each.facts.server.reference)
    assert accused(found)
    assert set(accused(found)) <= {EARLY, FROM_A_CACHE}


def test_the_capacity_of_a_cheat_is_said_to_be_none(sandbox: Sandbox) -> None:
    presets = sandbox.benchmarks / "presets.toml"
    presets.write_text(PRESETS.replace("[preset.quick]", "[preset.capacity]"))
    done = sandbox.harness("capacity", "_fake-caches", "--slo", "p99<50ms", "--budget", "3s")
    assert "_fake-caches on noop, round 1: INVALID: it answers from a cache" in done.stderr


class Remembers:
    """An endpoint that takes its time for what it has not been asked before."""

    def __init__(self, *, honest: bool) -> None:
        self._honest = honest
        self._answered: set[bytes] = set()

    async def __call__(self, _: Endpoint, body: bytes, writer: Writer) -> bool:
        if self._honest or body not in self._answered:
            await asyncio.sleep(0.05)
        self._answered.add(body)
        writer.write(message(b'{"predictions": [{"label": "noop"}]}'))
        return True


@pytest.mark.parametrize("honest", [True, False])
def test_an_endpoint_shows_its_cache_by_its_times_alone(sandbox: Sandbox, honest: bool) -> None:
    with Endpoint(Remembers(honest=honest)) as endpoint:
        options = ("--launcher", "remote", "--url", endpoint.url, "--protocol", "json")
        more = ("--campaign", "remote", "--rounds", "2")
        done = audited(sandbox).harness("run", *options, *more)
    assert done.returncode in (0, 1), done.stderr
    found = digest.of_campaign(sandbox.results / "remote").digests
    deployed = [each for each in found if each.cell.variant_name == "deployed"]
    assert len(deployed) == 2, "each round has unseen payloads of its own"
    for each in deployed:
        assert set(accused(each)) == (set() if honest else {FROM_A_CACHE})
