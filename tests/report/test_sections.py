"""What the sections say, and what they take care not to say."""

import ast
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.base import paths
from harness.base.errors import ResultError, UsageError
from harness.base.trust import Trust
from harness.report.page import sections
from harness.setup.endpoints import Endpoint
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests.fakes import Fake, campaign, stored_campaign
from tests.report import pages
from tests.report.campaigns import PROFILES


def rendered(folder: Path, *fakes: Fake, rounds: int = 3) -> str:
    """The report of a campaign of those fakes, as a reader sees it."""
    small = [replace(fake, profiles=PROFILES) for fake in fakes]
    return unescape(
        pages.render(digest.of_campaign(stored_campaign(folder / "campaign", small, rounds)))
    )


def verdict_of(html: str) -> str:
    return html.partition('<section id="verdict"')[2].partition("</section>")[0]


def answer_of(html: str) -> str:
    """The first sentence of the report."""
    answer = html.partition('<p class="answer">')[2].partition("</p>")[0]
    return re.sub(r"</?[a-z][^>]*>", "", answer)


def test_sections_are_found_in_order() -> None:
    names = [section.name for section in sections.load()]
    first = ["verdict", "tuning", "slower", "growth", "cluster", "capacity", "table", "charts"]
    then = [
        "breakdown",
        "own_metrics",
        "lifecycle",
        "functions",
        "patterns",
        "cost",
        "failures",
        "containers",
    ]
    last = ["findings", "variants", "method", "definitions", "limits", "reproduce"]
    assert names == [*first, *then, *last]


def test_ties_are_named_as_ties(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("a", 6.0, drift=0.1), Fake("b", 6.05, drift=-0.1)))
    assert answer_of(html).startswith("For the lowest p99 at 120/s, poisson: ")
    assert answer_of(html).endswith(" are tied.")
    # At the benchmark's own SLO, and at each of the others.
    assert html.count('<td class="rank">1=') == 2 * html.count('class="answer"')


def test_the_capacity_leads_where_it_was_searched_for(tmp_path: Path) -> None:
    fast, slow = Fake("fast", capacity_per_s=300.0), Fake("slow", capacity_per_s=100.0)
    html = rendered(tmp_path, fast, slow)
    verdict = verdict_of(html)
    said = answer_of(verdict)
    assert said.startswith("With p99<50ms on 2 CPUs: fast serves 30")
    assert said.endswith(" as much as slow.")
    assert re.search(r", [23]\.\d+ times \([\d.]+–[\d.]+\) as much as slow", said)
    assert (
        "each variant is separated from every other (over 3 rounds; at most 2% of the separated "
        "pairs are separated by chance)" in verdict
    )
    assert 'aria-label="fast: 30' in html
    assert 'colspan="1">at the SLO' in html


def test_without_a_search_nothing_is_said_of_one(tmp_path: Path) -> None:
    html = rendered(tmp_path, Fake("a"))
    assert 'id="capacity"' not in html
    assert ">at the SLO</th>" not in html


def test_rounds_that_disagree_are_said_to(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("steady", 6.0), Fake("moody", 8.0, drift=0.8)))
    assert "The rounds of moody disagree: p99 from" in html
    assert "The rounds of steady" not in html


def test_a_clear_winner_is_named_with_the_next(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("a", 6.0), Fake("b", 9.0)))
    assert ": a answers in " in answer_of(html)
    assert answer_of(html).endswith(" less than b.")
    assert "tied" not in answer_of(html)


def test_nothing_to_rank_is_said_with_the_reason(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("a", lag_ms=4.0), Fake("b", lag_ms=4.0)))
    assert "Nothing can be ranked here: each of its variants failed or is INVALID." in html
    assert "the generator sent late" in html
    start = "For the lowest p50 at 120/s, poisson: nothing can be ranked"
    assert answer_of(html) == f"{start}; a and b are INVALID."


def test_only_failures_still_make_a_report(tmp_path: Path) -> None:
    html = rendered(tmp_path, Fake("a", failure=Failure("launch", "No such command.", "tail")))
    assert "Nothing can be ranked here: its only variant failed or is INVALID." in verdict_of(html)
    assert "failed (launch): No such command." in html
    assert html.count(">tail</pre>") == 2  # among the failures, and on its own page


def test_no_run_at_all_still_makes_a_report(tmp_path: Path) -> None:
    plan = campaign([Fake("a")], rounds=2)
    html = pages.render(
        digest.of_campaign(stored_campaign(tmp_path / "c", [], plan=replace(plan, cells=())))
    )
    assert "Nothing can be ranked" in html


def test_references_are_not_ranked(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("a"), Fake("in-process", 1.0, reference=True)))
    assert ": a answers in " in answer_of(html)
    assert '<td class="rank">ref' in html


def test_one_round_is_warned_of(tmp_path: Path) -> None:
    html = verdict_of(rendered(tmp_path, Fake("a"), Fake("b", 30.0), rounds=1))
    assert "One round cannot separate variants" in html


def test_errors_of_the_best_are_warned_of(tmp_path: Path) -> None:
    failing = Fake("a", errors=0.03, capacity_per_s=200.0)  # of percentiles it would have no p99
    html = verdict_of(rendered(tmp_path, failing, Fake("b", 30.0, capacity_per_s=100.0)))
    assert "a did not answer" in html


def test_what_was_not_steady_is_marked_in_its_row(tmp_path: Path) -> None:
    html = rendered(tmp_path, Fake("a"), Fake("b", slows=2.0))
    assert html.count('<span class="badge invalid">not steady in 3 of 3 rounds</span>') == 1
    assert "not steady: the response time went from" in html


def test_an_empty_percentile_says_why_in_its_header(tmp_path: Path) -> None:
    short = (Profile("steady", "poisson", 2.0, rate_per_s=119.0),)
    folder = stored_campaign(tmp_path / "c", [replace(Fake("a"), profiles=short)], 1)
    html = unescape(pages.render(digest.of_campaign(folder)))
    why = re.search(r'<small class="lacks">(\d+ answers, 400 needed)</small>', html)
    assert why is not None
    assert "Ranked by the p95 of the response time, and not by capacity: no capacity was" in html
    assert f"nor by p99: {why[1]}. SLO p99<50ms" in html
    assert "<li><b>throughput</b>: it has no saturated window. <small>all</small></li>" in html


def test_why_each_is_slower_is_said(tmp_path: Path) -> None:
    html = rendered(tmp_path, Fake("a", 6.0, drift=0.001), Fake("b", 20.0, drift=0.001))
    part = html.partition('<section id="slower"')[2].partition("</section>")[0]
    assert re.search(r">b</a></dt><dd>[\d.]+ ms more than a \([\d.]+ to [\d.]+\), of which ", part)
    own = html.partition('<article id="variant-b"')[2].partition("</article>")[0]
    assert "Why it is slower, or not: " in own


def test_what_the_host_was_like_is_told(html: str) -> None:
    assert "<dt>generator ceiling</dt><dd>50000/s against the null server</dd>" in html
    assert '<span class="badge invalid">unfit</span> 60% of the CPU time' in html


def test_command_of_each_row(html: str) -> None:
    assert "python -m harness run fast --benchmark sentiment --preset standard --rounds 3" in html
    assert "python -m harness report all-sorts" in html


def test_damage_and_gaps_are_told(html: str) -> None:
    assert "<b>batched-more</b> on sentiment, round 3: sentiment/batched-more/round-3/" in html
    assert "<b>once-broken on sentiment</b>: round 3" in html


def test_no_campaign_and_a_damaged_one(tmp_path: Path, all_sorts: Path) -> None:
    with pytest.raises(UsageError, match="no campaign"):
        pages.write(digest.of_campaign(tmp_path), tmp_path / "out")
    (tmp_path / "campaign.json").write_bytes((all_sorts / "campaign.json").read_bytes()[:-9])
    with pytest.raises(ResultError, match="truncated"):
        pages.write(digest.of_campaign(tmp_path), tmp_path / "out")


def test_reporting_never_imports_measuring() -> None:
    harness = paths.PROJECT / "harness"
    for path in [*(harness / "report").rglob("*.py"), *(harness / "analyse").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not [name for name in names if name.startswith("harness.measure")], path


def test_synthetic_weights_are_said_first_and_on_every_printed_page(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "campaign", [replace(Fake("a"), profiles=PROFILES)], 1)
    real = digest.of_campaign(folder)
    assert "Synthetic weights" not in pages.render(real)
    facts = real.campaign.benchmarks["sentiment"]
    made_up = replace(facts, artefact={"synthetic": True, "seed": 17})
    plan = replace(real.campaign, benchmarks={"sentiment": made_up})
    html = pages.render(replace(real, campaign=plan))
    assert "the model of sentiment has seeded random weights" in html
    assert html.index('class="synthetic"') < html.index("<header>")
    printed = html.partition("@media print {")[2]
    assert ".synthetic { position: fixed;" in printed.partition("</style>")[0]


def test_the_report_says_which_judge_judged(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "campaign", [replace(Fake("a"), profiles=PROFILES)], 1)
    found = digest.of_campaign(folder)
    own = replace(found.campaign.benchmarks["sentiment"], judge="prefix:16", tolerance=0.001)
    plan = replace(found.campaign, benchmarks={"sentiment": own})
    html = unescape(pages.render(replace(found, campaign=plan)))
    words = "prefix:16: its first 16 elements are the reference's first 16; tolerance 0.001"
    assert f"<dt>a right answer</dt><dd>{words}</dd>" in html


def test_an_endpoint_is_measured_again_by_its_url_and_without_its_secret(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "campaign", [replace(Fake("a"), profiles=PROFILES)], 1)
    found = digest.of_campaign(folder)
    trust = Trust(cacert="our ca.pem", cert="me.pem", insecure=True)
    endpoint = Endpoint(
        name="a",
        url="https://example.org/p",
        protocol="json",
        headers={"Authorization": "$TOKEN"},
        trust=trust,
    )
    (only,) = found.digests
    server = replace(only.facts.server, launcher="remote", track="remote")
    remote = replace(only, facts=replace(only.facts, server=server))
    plan = replace(found.campaign, endpoint=endpoint)
    html = unescape(pages.render(replace(found, campaign=plan, digests=(remote,))))
    assert "run --benchmark sentiment --preset standard --rounds 1 --launcher remote" in html
    assert "--url https://example.org/p --protocol json --name a" in html
    assert "--header 'Authorization: $TOKEN'" in html
    assert "--cacert 'our ca.pem' --cert me.pem --insecure" in html


def test_a_reference_behind_a_contestant_of_one_round_is_no_tie(tmp_path: Path) -> None:
    reference = Fake("in-process", 4.0, reference=True, capacity_per_s=100.0)
    html = verdict_of(rendered(tmp_path, Fake("a", capacity_per_s=300.0), reference, rounds=1))
    assert "Behind a: one round cannot say whether that is noise." in html
    assert "a tie" not in html


def test_a_gpu_is_named_and_so_is_a_reference_on_the_cpu(tmp_path: Path) -> None:
    fakes = [
        replace(fake, profiles=PROFILES)
        for fake in (
            Fake("a", capacity_per_s=300.0),
            Fake("in-process", 4.0, reference=True, capacity_per_s=100.0),
        )
    ]
    plan = campaign(fakes, rounds=2)
    plan = replace(plan, device="gpu", environment={**plan.environment, "gpu": "NVIDIA H200"})
    found = digest.of_campaign(stored_campaign(tmp_path / "c", fakes, plan=plan))
    devices = {"a": "gpu", "in-process": "cpu"}
    digests = tuple(
        replace(d, facts=replace(d.facts, server=replace(d.facts.server, device=device)))
        for d in found.digests
        for device in (devices[d.cell.variant_name],)
    )
    html = verdict_of(unescape(pages.render(replace(found, digests=digests))))
    assert " and NVIDIA H200: " in answer_of(html)
    assert " and NVIDIA H200 for the server; preset" in html
    assert "Behind a on the GPU: it computes on the CPU." in html
