"""The list of all campaigns: what it says, what it reads, and how large it gets."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.campaigns import brief_file
from harness.analyse.campaigns.brief import Brief
from harness.analyse.campaigns.summary import BenchmarkSummary, RunCounts, Summary, VariantSummary
from harness.analyse.run import digest
from harness.base.errors import StoreError
from harness.report import templating
from harness.report.draw import sparkline
from harness.report.index import index, shelf
from harness.report.index.shelf import GONE, NOT_YET, ListedCampaign
from harness.stored import store
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Failure
from harness.stored.store import SCHEMA
from tests.fakes import Fake, campaign, stored_campaign
from tests.report import pages
from tests.report.campaigns import IMAGE, PROFILES, SCRIPT
from tests.report.test_escaping import Tags
from tests.unit import stored

FAST = replace(Fake("fast", capacity_per_s=300.0), profiles=PROFILES)
SLOW = replace(Fake("slow", capacity_per_s=100.0), profiles=PROFILES)


class Place:
    """Results and reports of a test's own."""

    def __init__(self, root: Path) -> None:
        self.results, self.reports = root / "results", root / "reports"
        self.said: list[str] = []

    def store(self, name: str, *fakes: Fake, day: int = 1, rounds: int = 1) -> Path:
        """A campaign that began on that day of January."""
        plan = campaign(fakes, rounds, id=name)
        plan = replace(plan, started_at=f"2026-01-{day:02}T03:04:05+00:00")
        return stored_campaign(self.results / name, fakes, plan=plan)

    def keep(self, name: str, made: Summary) -> None:
        """A summary without results."""
        brief_file.keep(self.reports / name / brief_file.NAME, "key", Brief(made))

    def gather(self, limit_s: float | None = None) -> list[ListedCampaign]:
        return shelf.gather(self.results, self.reports, limit_s, self.said.append)

    def html(self, limit_s: float | None = None) -> str:
        return index.write(self.results, self.reports, limit_s, self.said.append).read_text(
            encoding="utf-8"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def rows(html: str) -> list[str]:
    """The rows of the list as a reader sees them, in order."""
    body = html.partition("<tbody>")[2]
    found = re.findall(r"<tr>(.*?)</tr>", body, flags=re.S)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", row)).split()) for row in found]


def figures(name: str, rank: int | None, capacity: float) -> VariantSummary:
    known = {"capacity": (capacity, 0.9 * capacity, 1.1 * capacity)}
    return VariantSummary(
        variant=name,
        framework="Some",
        version="1",
        track="matched",
        reference=False,
        rank=rank,
        invalid=False,
        rounds=3,
        counted=3,
        figures=known,
    )


def short(number: int, *standings: VariantSummary, machine: str = "CPU / 4 / 16") -> Summary:
    """A summary of the so manieth hour."""
    at = f"2026-{1 + number // 672:02}-{1 + number // 24 % 28:02}T{number % 24:02}:00:00+00:00"
    benchmark = BenchmarkSummary(
        name="sentiment", version=1, slo="p99<50ms", ranked_by="capacity", standings=standings
    )
    counts = RunCounts(planned=6, ok=6, invalid=0, failed=0, damaged=0, missing=0)
    return Summary(
        campaign=f"c{number}",
        started_at=at,
        preset="nightly",
        device="cpu",
        machine=machine,
        counts=counts,
        benchmarks=(benchmark,),
    )


def sparks(html: str) -> list[str]:
    return re.findall(r'<svg class="spark".*?aria-label="([^"]*)"', html)


# --- what it says --------------------------------------------------------------------------------


def test_campaigns_with_their_headline_the_newest_first(place: Place) -> None:
    place.store("older", FAST, SLOW, day=1, rounds=2)
    broken = replace(Fake("broken", failure=Failure("ready", "No.")), profiles=PROFILES)
    lagged = replace(Fake("lagged", lag_ms=3.0), profiles=PROFILES)
    place.store("newer", SLOW, broken, lagged, day=2)
    newer, older = rows(place.html())
    assert re.match(
        r"newer 2026-01-02 03:04 · no report Imaginary CPU @ 2\.00GHz, 4 CPUs, 15\.6 GiB ", newer
    )
    assert "preset standard" in newer
    assert "1 ok 1 INVALID 1 failed of 3" in newer
    assert re.search(r"sentiment, matched slow", newer)
    assert "4 ok of 4" in older
    assert re.search(r"sentiment, matched fast capacity [0-9.]+/s [0-9.]+–[0-9.]+ p99<50ms", older)


def test_a_report_is_led_to_where_there_is_one(place: Place) -> None:
    for name in ("reported", "not reported", "odd #?%name"):
        place.store(name, SLOW)
    for name in ("reported", "odd #?%name"):
        pages.write(digest.of_campaign(place.results / name), place.reports / name)
    html = place.html()
    assert re.findall(r'<a href="(\./[^"]*)">', html) == [
        "./reported/index.html",
        "./odd%20%23%3F%25name/index.html",
    ]


def test_trends_are_of_the_same_machine_and_preset(place: Place) -> None:
    for number, capacity in enumerate((100.0, 200.0, 150.0)):
        place.keep(f"c{number}", short(number, figures("fast", 1, capacity), figures("slow", 2, 9)))
    elsewhere = short(3, figures("fast", 1, 999.0), machine="Another CPU / 2 / 8")
    place.keep("c3", elsewhere)
    place.keep("c4", replace(short(4, figures("fast", 1, 888.0)), preset="quick"))
    assert sparks(place.html()) == [
        f"capacity of fast over 3 campaigns, 100/s to 200/s; here {here}/s"
        for here in (150, 200, 100)
    ]


@pytest.mark.parametrize(
    "other",
    [{"version": 2}, {"slo": "p99<10ms"}, {"name": "iris"}, {"ranked_by": "latency_p99"}],
)
def test_what_is_not_comparable_is_not_on_one_line(place: Place, other: dict[str, str]) -> None:
    one = short(0, figures("fast", 1, 100.0))
    (benchmark,) = one.benchmarks
    place.keep("one", one)
    two = replace(short(1, figures("fast", 1, 100.0)), benchmarks=(replace(benchmark, **other),))  # type: ignore[arg-type]
    place.keep("two", two)
    assert sparks(place.html()) == []


def test_a_renamed_variant_begins_a_new_line(place: Place) -> None:
    for number, name in enumerate(["old-name"] * 2 + ["new-name"] * 3):
        place.keep(f"c{number}", short(number, figures(name, 1, 100.0 + number)))
    assert [label.partition(" over ")[::2] for label in sparks(place.html())] == [
        ("capacity of new-name", "3 campaigns, 102/s to 104/s; here 104/s"),
        ("capacity of new-name", "3 campaigns, 102/s to 104/s; here 103/s"),
        ("capacity of new-name", "3 campaigns, 102/s to 104/s; here 102/s"),
        ("capacity of old-name", "2 campaigns, 100/s to 101/s; here 101/s"),
        ("capacity of old-name", "2 campaigns, 100/s to 101/s; here 100/s"),
    ]


def points_of(drawn: str) -> list[str]:
    return re.findall(r'<polyline points="(.*?)"', drawn)


def test_a_line_and_its_dot() -> None:
    values = [100.0, 200.0, 150.0]
    drawn = sparkline.lines([("t0", values), ("t1", [5.0, 5.0]), ("t2", [5.0])])
    assert points_of(drawn) == ["2,18 50,2 98,10", "2,10 98,10", "50,10"]
    dots = [sparkline.picture("t0", values, place, "a < b") for place in range(3)]
    spots = [re.findall(r'href="#t0"/><circle cx="(.*?)" cy="(.*?)"', dot) for dot in dots]
    assert spots == [[("2", "18")], [("50", "2")], [("98", "10")]]
    assert 'aria-label="a &lt; b"' in dots[0]
    assert not sparkline.lines([])


def test_a_long_line_has_no_more_points_than_can_be_seen() -> None:
    (line,) = points_of(sparkline.lines([("t0", [float(number) for number in range(1000)])]))
    points = line.split()
    assert len(points) == 120
    assert points[0].startswith("2,")
    assert points[-1].startswith("98,")


def test_ties_and_crowds(place: Place) -> None:
    place.keep("two", short(1, figures("a", 1, 5.0), figures("b", 1, 4.0)))
    place.keep("five", short(0, *(figures(name, 1, 5.0) for name in "abcde")))
    two, five = rows(place.html())
    assert "sentiment, matched a = b capacity 5/s" in two
    assert "sentiment, matched a = b = c = 2 more, capacity 5/s" in five


def test_none_that_holds_the_slo_is_first(place: Place) -> None:
    place.keep("c", short(0, figures("a", 1, 0.0)))
    (row,) = rows(place.html())
    assert "none meets p99<50ms at any tried rate" in row
    assert "capacity" not in row


def test_a_sweep_does_not_fill_the_list(place: Place) -> None:
    one = short(0, figures("a", 1, 5.0))
    (benchmark,) = one.benchmarks
    points = tuple(replace(benchmark, name=f"point-{number}") for number in range(9))
    place.keep("sweep", replace(one, benchmarks=points))
    (row,) = rows(place.html())
    assert row.count("capacity 5/s") == 6
    assert "and 3 more, in its report" in row


def test_no_campaign_at_all(place: Place) -> None:
    html = place.html()
    assert "No campaign is stored yet." in html
    assert "0 campaigns" in html


def test_hostile_names_stay_text(place: Place, all_sorts: Path) -> None:
    plan = store.read_campaign(all_sorts)
    place.results.mkdir()
    (place.results / "all-sorts").symlink_to(all_sorts)
    bad = figures(SCRIPT, 1, 5.0)
    made = short(0, bad, replace(bad, variant=IMAGE))
    (benchmark,) = made.benchmarks
    odd = replace(benchmark, name=SCRIPT, slo=IMAGE)
    for number in (0, 1):
        named = f"{IMAGE.replace('/', '')}{number}"
        place.keep(
            named,
            replace(made, preset=SCRIPT, machine=IMAGE, started_at=IMAGE, benchmarks=(odd,)),
        )
    html = place.html()
    tags = Tags()
    tags.feed(html)
    assert not {"script", "img"} & {tag for tag, _ in tags.tags}
    assert not [name for _, attrs in tags.tags for name in attrs if name.startswith("on")]
    assert SCRIPT not in html
    assert SCRIPT in unescape(html)
    assert plan.environment["machine"] in unescape(html)
    assert re.findall(r'\b(?:src|href)="(?!#|\./|data:,)', html) == []


def test_it_is_one_file_with_a_policy_and_the_pages_style(place: Place) -> None:
    html = place.html()
    assert templating.assets("*.css") in html
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\(", html)


def test_the_same_files_give_the_same_list(place: Place) -> None:
    place.store("a", FAST, day=1)
    place.store("b", SLOW, day=1)
    assert place.html() == place.html()


# --- what it reads -------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose columns were read, by their folders' names."""
    seen: list[str] = []
    original = store.read_run

    def read(folder: Path, cell: Cell | None = None) -> object:
        seen.append(f"{folder.parts[-4]}/{folder.parts[-2]}")
        return original(folder, cell)

    monkeypatch.setattr(store, "read_run", read)
    return seen


def test_no_run_is_read_twice(place: Place, reads: list[str]) -> None:
    place.store("a", FAST, SLOW)
    place.store("b", FAST)
    first = place.html()
    assert sorted(reads) == ["a/fast", "a/slow", "b/fast"]
    assert place.html() == first
    assert len(reads) == 3


def test_what_changed_is_read_again_and_nothing_else(place: Place, reads: list[str]) -> None:
    plan = store.read_campaign(place.store("a", FAST, rounds=1))
    place.store("b", FAST)
    place.html()
    reads.clear()
    file = place.results / "a" / "sentiment" / "fast" / "round-1" / "run.json"
    file.write_bytes(file.read_bytes()[:-9])
    assert "1 damaged of 1" in rows(place.html())[-1]
    assert reads == ["a/fast"]
    store.write_campaign(place.results / "a", replace(plan, preset="another"))
    assert any("preset another" in row for row in rows(place.html()))
    assert reads == ["a/fast"] * 2


def test_a_damaged_summary_is_made_again(place: Place, reads: list[str]) -> None:
    place.store("a", FAST)
    html = place.html()
    (place.reports / "a" / brief_file.NAME).write_text("{")
    assert place.html() == html
    assert len(reads) == 2


def test_out_of_time_the_rest_is_listed_by_its_plan(place: Place, reads: list[str]) -> None:
    place.store("a", FAST)
    html = place.html(limit_s=0.0)
    assert reads == []
    (row,) = rows(html)
    assert "preset standard" in row
    assert NOT_YET.replace("`", "") in row.replace("`", "")
    assert "first" not in row
    assert "fast" in rows(place.html())[0]


def test_many_without_a_summary_are_worth_a_word(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "_WORTH_A_WORD", 2)
    place.store("a", replace(FAST, profiles=()))
    place.html()
    assert place.said == []
    for name in ("b", "c"):
        place.store(name, replace(FAST, profiles=()))
    place.html()
    assert place.said == ["reads 2 campaigns once, for the list of all campaigns"]


# --- bad input -----------------------------------------------------------------------------------


def test_an_interrupted_campaign_and_one_that_did_not_begin(place: Place) -> None:
    plan = replace(campaign([FAST, SLOW], 2, id="begun"), started_at="2026-01-02T00:00:00+00:00")
    store.write_campaign(place.results / "planned", replace(plan, id="planned"))
    folder = place.store("begun", FAST, SLOW, rounds=1)
    store.write_campaign(folder, plan)
    found = {row.partition(" ")[0]: row for row in rows(place.html())}
    assert "2 ok 2 not run of 4" in found["begun"]
    assert "fast" in found["begun"]
    assert "4 not run of 4 Nothing could be ranked." in found["planned"]


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_results_of_every_schema(place: Place, schema: int) -> None:
    place.results.mkdir()
    (place.results / "old").symlink_to(stored.DATA / f"schema-{schema}")
    (row,) = rows(place.html())
    assert "1 failed of 2" in row
    assert "damaged" not in row
    assert "Imaginary CPU, 4 CPUs" in row


def test_what_cannot_be_read_is_named_and_the_rest_listed(place: Place) -> None:
    place.store("good", FAST)
    for name, before, after in (
        ("newer", b'"schema": %d' % SCHEMA, b'"schema": %d' % (SCHEMA + 1)),
        ("edited", b'"standard"', b'"nightly"'),
        ("truncated", b"\n}", b""),
    ):
        path = place.store(name, SLOW) / "campaign.json"
        path.write_bytes(path.read_bytes().replace(before, after))
    (place.results / "no campaign").mkdir()
    (place.results / "a file").touch()
    html = place.html()
    found = {row.partition(" ")[0]: row for row in rows(html)}
    assert set(found) == {"good", "newer", "edited", "truncated"}
    said = f"campaign.json has schema {SCHEMA + 1}; this harness reads up to {SCHEMA}."
    assert said in found["newer"]
    assert "Read it with the later version of the harness that wrote it." in found["newer"]
    assert "campaign.json is not as it was written: it was truncated" in found["edited"]
    assert "campaign.json can't be read: it is truncated or not a result" in found["truncated"]
    assert "1 ok of 1" in found["good"]
    assert str(place.results) not in html


def test_a_campaign_whose_results_are_gone(place: Place) -> None:
    place.store("kept", FAST)
    html = place.html()
    (line,) = rows(html)
    place.store("page only", SLOW)
    pages.write(digest.of_campaign(place.results / "page only"), place.reports / "page only")
    shutil.rmtree(place.results)
    kept, only = rows(place.html())
    assert GONE in kept
    assert kept.replace(f" {GONE}", "") == line
    assert only == f"page only – {GONE}"


def test_a_folder_of_reports_that_cannot_be_written(place: Place) -> None:
    place.store("a", replace(FAST, profiles=()))
    place.reports.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"index\.html can't be written: "):
        place.html()
    place.reports.unlink()
    (place.reports / "index.html").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"index\.html can't be written: Is a directory"):
        place.html()


def test_a_thousand_campaigns_make_a_page_of_bounded_size(place: Place) -> None:
    for number in range(1000):
        place.keep(
            f"campaign-{number}",
            short(number, figures("fast", 1, 100.0 + number % 7), figures("slow", 2, 50.0)),
        )
    html = place.html()
    assert len(rows(html)) == 1000
    assert len(sparks(html)) == 1000
    assert len(html) < 2_000_000
    assert [entry.name for entry in place.gather()][:2] == ["campaign-999", "campaign-998"]


@pytest.mark.slow
def test_a_thousand_stored_campaigns_are_read_once(place: Place, reads: list[str]) -> None:
    tiny = replace(FAST, profiles=(), capacity_per_s=None)
    for number in range(1000):
        place.store(f"campaign-{number}", tiny)
    first = place.html()
    assert len(reads) == 1000
    reads.clear()
    assert place.html() == first
    assert reads == []


def test_what_a_plan_says_is_enough_for_its_place(place: Place) -> None:
    plan: Campaign = campaign([FAST], 1, id="planned")
    store.write_campaign(place.results / "planned", plan)
    (entry,) = place.gather(0.0)
    assert (entry.at, entry.preset) == (plan.started_at, "standard")
    assert entry.machine == "Imaginary CPU @ 2.00GHz / 4 / 15.6 GiB"
