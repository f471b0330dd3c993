"""Another version of the model takes the place of the one that is served, while load goes on."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from harness.measure.campaign import wanted
from harness.measure.cell.life import Life
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import RECORDS, Launched
from harness.measure.load.drivers import Firing
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Unanswered
from harness.protocols import json_message
from harness.stored.lifecycle import REPLACEMENT, Replacement
from harness.stored.records import Window, of_kind
from harness.windows.kinds import WindowKind
from harness.windows.marks import Marks
from harness.windows.profiles import Profile


def undergo(stages: Stages, launched: Launched, life: Life) -> None:
    """Replace the model of a server that can, and keep what came of it."""
    later, path = stages.bench.later, stages.variant.table.replace_path
    profile = _profile(launched, life)
    if later is None or not path or profile is None:
        return
    given = _handed_over(later.artefact, stages.scratch / RECORDS, f"artefact-{later.version}")
    post = json_message({"artefact": given, "version": later.version})
    found: list[Replacement] = []

    def ask(firing: Firing) -> None:
        wait_until(firing, firing.start_ns + int(wanted.TOLD_AT_S * 1e9))
        asked_ns, failure = time.monotonic_ns() - firing.start_ns, ""
        try:
            reply = asking.getter(launched)(path, post)
            failure = "" if reply.is_success else f"it answered {reply.words}"
        except Unanswered as error:
            failure = str(error)
        found.append(Replacement(version=later.version, asked_ns=asked_ns, failure=failure))

    window = stages.load(launched, profile, ask, judge_every=1)
    life.windows.append(window.of_kind(WindowKind.REPLACEMENT))
    (replacement,) = found
    if not replacement.failure:
        replacement = replace(replacement, failure=_failure(launched, window, later.version))
    life.replacement = replacement


def wait_until(firing: Firing, moment_ns: int) -> None:
    """Also where the window is over before: its last answer may be early."""
    over = False
    while (left_s := (moment_ns - time.monotonic_ns()) / 1e9) > 0:
        if over:
            time.sleep(left_s)
        else:
            over = firing.wait(min(left_s, 0.5))


def _profile(launched: Launched, life: Life) -> Profile | None:
    """The load of the profile whose requests repeat, or of the first at a planned rate, for as long
    as the job may take."""
    profiles = [w.facts.profile for w in of_kind(life.windows, WindowKind.PROFILE)]
    planned = [profile for profile in profiles if profile.is_open]
    if not planned:
        return None
    like = next((p for p in planned if p.popularity), planned[0])
    took_s = max((job.seconds for job in launched.calls().jobs), default=0.0)
    return replace(
        like,
        name=REPLACEMENT,
        shape="poisson",
        duration_s=wanted.replacement_s(took_s),
        rate_to_per_s=None,
    )


def _handed_over(artefact: Path, records: Path, name: str) -> str:
    """The model where the server can read it, wherever it runs: its name there."""
    place = records / name
    if not place.exists():
        shutil.copytree(artefact, place, copy_function=_linked)
        for path in (place, *place.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return name


def _linked(source: str, target: str) -> None:
    """A second name of the same file, or a copy where that is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _failure(launched: Launched, window: Window, version: int) -> str:
    """Why the new version was not served by the end of the window; empty where it was."""
    marks: Marks = window.marks
    if (marks.each("version", len(window.requests)) == version).any():
        return ""
    jobs = [job for job in launched.calls().jobs if job.version == version]
    if not jobs:
        return f"its batch job did not end within the {window.facts.profile.duration_s:.0f} s"
    return jobs[-1].failure or "its batch job ended, but no answer was the new model's"
