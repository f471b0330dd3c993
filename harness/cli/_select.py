"""From options to variants, benchmarks and launchers, all checked before anything runs."""

from __future__ import annotations

from pathlib import Path

from harness import catalog, paths
from harness.catalog import Benchmark, PresetTable, Variant, pick
from harness.errors import UsageError
from harness.measure import launchers
from harness.measure.launchers import Launcher
from harness.measure.reference import IN_PROCESS, NULL
from harness.protocols import registered


def variants(names: tuple[str, ...], everything: bool, track: str | None) -> list[Variant]:
    """The variants asked for, and the two reference points that every report carries."""
    known = catalog.variants()
    if bool(names) == everything:
        raise UsageError("Name variants, or give --all. `python -m harness list` shows them.")
    chosen = [pick("variant", name, known) for name in dict.fromkeys(names)]
    if everything:
        chosen = [v for v in known.values() if v.table.in_all and not v.name.startswith("_")]
    if track is not None:
        chosen = [v for v in chosen if v.table.track == track or v.table.inside]
    for variant in chosen:
        pick("protocol", variant.table.protocol, registered())
    references = [known[name] for name in (IN_PROCESS, NULL) if name in known]
    return references + [v for v in chosen if v not in references]


def benchmarks(names: tuple[str, ...], preset: PresetTable) -> list[Benchmark]:
    """The benchmarks asked for, or those of the preset."""
    known = catalog.benchmarks()
    chosen = [pick("benchmark", name, known) for name in dict.fromkeys(names or preset.benchmarks)]
    for benchmark in chosen:
        benchmark.payloads()
        if not benchmark.predictor("onnx").exists():
            raise UsageError(f"{benchmark.predictor('onnx')} is missing.")
        named = [profile.name for profile in benchmark.table.profile]
        if preset.profiles and not set(preset.profiles) & set(named):
            raise UsageError(
                f"{benchmark.name} has no profile that the preset takes "
                f"({', '.join(preset.profiles)}); it has: {', '.join(named)}."
            )
    return chosen


def launcher(name: str) -> Launcher:
    """The launcher of that name. Raises UsageError where it can't be used here."""
    made: Launcher = pick("launcher", name, dict(launchers.registered()))()
    reason = made.why_not()
    if reason is not None:
        raise UsageError(f"The launcher {name!r} can't be used here: {reason}.")
    return made


def campaign_folder(name: str) -> Path:
    """Where a campaign of that name is stored. Raises UsageError for a name that is no name."""
    if not name or name != Path(name).name or name.startswith("."):
        raise UsageError(f"{name!r} can't be a campaign's name: use letters, digits and dashes.")
    return paths.results_dir() / name
