"""Another revision beside this one: found, checked out, matched, and removed however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import UsageError
from harness.measure.campaign import content, revision
from harness.setup import catalog
from harness.setup.catalog import Benchmark, Checkout, Variant
from tests.unit.conftest import VARIANT, Project

WHO = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path) -> str:
    git(root, "add", "servers", "benchmarks")
    git(root, "commit", "--quiet", "--message", "more")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def past(project: Project) -> str:
    """The first commit of a project that has one server and one benchmark."""
    project.server("some")
    project.benchmark("some")
    git(project.root, "init", "--quiet", "--initial-branch", "trunk")
    return commit(project.root)


def left(project: Project) -> list[str]:
    """What is left of checkouts, in the cache and in git's own list."""
    folders = (project.cache / "revisions").glob("*/")
    listed = git(project.root, "worktree", "list").splitlines()[1:]
    return [*(path.name for path in folders), *listed]


def test_a_revision_lies_beside_this_one_and_goes_with_the_context(
    project: Project, past: str
) -> None:
    (project.servers / "some" / "app.py").write_text("print('now')")
    commit(project.root)
    with revision.checked_out("HEAD~1") as checkout:
        assert checkout is not None
        assert (checkout.revision.name, checkout.revision.commit) == ("HEAD-1", past)
        assert checkout.servers.is_relative_to(paths.cache_dir())
        assert not (checkout.servers / "some" / "app.py").exists()
        assert (checkout.benchmarks / "some" / "payloads.jsonl").exists()
    assert left(project) == []
    assert (project.servers / "some" / "app.py").exists()
    assert git(project.root, "status", "--porcelain", "servers") == ""


def test_it_goes_where_something_goes_wrong_too(project: Project, past: str) -> None:
    with pytest.raises(KeyboardInterrupt), revision.checked_out("trunk"):
        raise KeyboardInterrupt
    assert left(project) == []


def test_what_a_killed_one_left_goes_with_the_next(project: Project, past: str) -> None:
    script = """
        import os, signal
        from harness.measure.campaign import revision
        with revision.checked_out("trunk") as checkout:
            assert checkout.servers.is_dir()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=paths.PROJECT, env=os.environ, check=False)
    assert done.returncode < 0
    assert left(project) != []
    with revision.checked_out("trunk"):
        assert len(left(project)) == 2  # this one, in the cache and in git's list
    assert left(project) == []


def test_a_living_one_is_left_alone(project: Project, past: str) -> None:
    with revision.checked_out("trunk") as one, revision.checked_out("trunk") as two:
        assert one is not None
        assert two is not None
        assert one.servers.is_dir()
        assert one.servers != two.servers


def test_none_is_none(project: Project) -> None:
    with revision.checked_out(None) as checkout:
        assert checkout is None


@pytest.mark.parametrize("ref", ["no-such", "--all", "-x", "HEAD~9", ""])
def test_an_unknown_revision_is_a_sentence(project: Project, past: str, ref: str) -> None:
    with pytest.raises(UsageError, match=f"git knows no revision {ref!r}"):
        revision.checked_out(ref).__enter__()
    assert left(project) == []


def test_no_git_checkout_is_a_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.server("some")
    project.benchmark("some")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    with pytest.raises(UsageError, match="can't be used as a git checkout: fatal: not a git"):
        revision.checked_out("HEAD").__enter__()


def test_no_git_is_a_sentence(project: Project, past: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.root))
    with pytest.raises(UsageError, match="--against needs git"):
        revision.checked_out("HEAD").__enter__()


def test_a_hook_that_is_in_another_checkout_does_not_lead_there(
    project: Project, past: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with revision.checked_out("HEAD") as checkout:
        assert checkout is not None
        monkeypatch.delenv("GIT_DIR")


def test_servers_and_benchmarks_of_two_checkouts_have_no_revision(
    project: Project, past: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / "benchmarks").mkdir(parents=True)
    git(other, "init", "--quiet")
    monkeypatch.setenv("HARNESS_BENCHMARKS", str(other / "benchmarks"))
    with pytest.raises(UsageError, match="are not in one git checkout"):
        revision.checked_out("HEAD").__enter__()


def test_a_revision_from_before_there_were_benchmarks(project: Project) -> None:
    project.server("some")
    git(project.root, "init", "--quiet")
    git(project.root, "add", "servers")
    git(project.root, "commit", "--quiet", "--message", "servers")
    project.benchmark("some")
    with pytest.raises(UsageError, match="HEAD has no folder benchmarks"):
        revision.checked_out("HEAD").__enter__()
    assert left(project) == []


@pytest.mark.parametrize("name", ["docker", "process"])
def test_a_revision_is_not_taken_for_a_launcher(project: Project, past: str, name: str) -> None:
    git(project.root, "branch", name)
    with revision.checked_out(name) as checkout:
        assert checkout is not None
        assert checkout.revision.name == past[:12]
    git(project.root, "branch", "some/branch")
    with revision.checked_out("some/branch") as checkout:
        assert checkout is not None
        assert checkout.revision.name == "some-branch"


def matched(
    checkout: Checkout | None, renamed: dict[str, str] | None = None
) -> tuple[list[str], list[str]]:
    """(names in order, why some have no counterpart)."""
    assert checkout is not None
    ours = [*catalog.variants().values()]
    found, absent = revision.counterparts(checkout, ours, renamed or {})
    return [variant.name for variant in found], [why for _, why in absent]


def test_each_variant_is_followed_by_the_other_revisions(project: Project, past: str) -> None:
    project.server("added")
    with revision.checked_out("trunk") as checkout:
        assert matched(checkout) == (
            ["added", "some", "some@trunk"],
            ["trunk has no variant 'added'"],
        )
        names, absent = matched(checkout, {"some": "added"})
        assert names == ["added", "added@trunk", "some", "some@trunk"]
        assert absent == []


def test_a_reference_without_a_model_stays_alone(project: Project, past: str) -> None:
    project.server("floor", variants=VARIANT.format(name="floor") + "reference = true\n")
    commit(project.root)
    with revision.checked_out("trunk") as checkout:
        assert matched(checkout)[0] == ["floor", "some", "some@trunk"]


def test_a_variant_on_another_track_has_no_counterpart(project: Project, past: str) -> None:
    table = VARIANT.format(name="some").replace('"matched"', '"tuned"')
    project.server("some", variants=table + VARIANT.format(name="also"))
    commit(project.root)
    project.server("some", variants=VARIANT.format(name="some") + VARIANT.format(name="also"))
    with revision.checked_out("trunk") as checkout:
        names, (why,) = matched(checkout)
    assert names == ["some", "also", "also@trunk"]
    assert why == "trunk has 'some' with the track tuned instead of matched: not comparable"


def test_nothing_to_compare(project: Project, past: str) -> None:
    project.server("added")
    with revision.checked_out("trunk") as checkout:
        assert checkout is not None
        with pytest.raises(UsageError, match="nothing to compare: trunk has no variant 'added'"):
            revision.counterparts(checkout, [catalog.variants()["added"]], {})


def _benchmark(project: Project, **parts: str) -> list[Benchmark]:
    project.benchmark("some", **parts)
    return [*catalog.benchmarks().values()]


def test_a_benchmark_that_asks_other_questions_is_refused(project: Project, past: str) -> None:
    with revision.checked_out("trunk") as checkout:
        assert checkout is not None
        revision.require_same_load(checkout, _benchmark(project))
        head = 'version = 2\ndescription = "One."\ntolerance = 0.1\n'
        with pytest.raises(UsageError, match="some has version 1 in trunk and 2 here"):
            revision.require_same_load(checkout, _benchmark(project, head=head))
        with pytest.raises(UsageError, match="some has other payloads in trunk"):
            revision.require_same_load(checkout, _benchmark(project, payloads='{"instance": 2}\n'))
        project.benchmark("added")
        with pytest.raises(UsageError, match="trunk has no benchmark 'added'"):
            revision.require_same_load(checkout, [catalog.benchmarks()["added"]])


def digests(checkout: Checkout | None) -> tuple[str, str]:
    """Of the files that the variant runs from, here and in the other revision."""
    assert checkout is not None
    found, _ = revision.counterparts(checkout, [catalog.variants()["some"]], {})
    ours, theirs = found
    benchmark = catalog.benchmarks()["some"]
    return content.of_variant(ours, benchmark), content.of_variant(theirs, benchmark)


def test_the_content_tells_whether_a_file_differs(project: Project, past: str) -> None:
    with revision.checked_out("trunk") as checkout:
        ours, theirs = digests(checkout)
        assert ours == theirs
        (project.servers / "some" / "README.md").write_text("no code")
        (project.servers / "some" / "app.pyc").write_text("compiled")
        assert digests(checkout) == (ours, theirs)
        (project.benchmarks / "some" / "predictor.py").write_text("pass")
        changed, same = digests(checkout)
        assert changed != ours
        assert same == theirs


def test_the_other_revision_has_its_own_predictor_and_shared_modules(
    project: Project, past: str
) -> None:
    shared = project.servers / "shared"
    shared.mkdir()
    (shared / "serving.py").write_text("pass")
    past = commit(project.root)
    with revision.checked_out(past) as checkout:
        assert checkout is not None
        ours, theirs = _pair(checkout)
        assert ours.server.shared == shared
        assert theirs.server.shared == checkout.servers / "shared"
        benchmark = catalog.benchmarks()["some"]
        assert ours.own(benchmark) == benchmark
        assert theirs.own(benchmark).folder == checkout.benchmarks / "some"
        assert theirs.own(benchmark).table is benchmark.table


def _pair(checkout: Checkout) -> list[Variant]:
    found, _ = revision.counterparts(checkout, [catalog.variants()["some"]], {})
    return found
