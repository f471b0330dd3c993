"""Names that the harness finds in folders and registries: `--help` shows them, a shell completes
them; and those of HTTP's methods."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from harness.base.errors import HarnessError


class Named(click.ParamType[str]):
    """A name of a kind. The command itself refuses one that is unknown, with the nearest one."""

    name = "name"

    def __init__(self, names: Callable[[], Iterable[str]], *, shown: bool = True) -> None:
        self._names = names
        self.shown = shown  # in --help: variants and campaigns are too many

    def known(self) -> list[str]:
        """All of them but those for tests; none where a file of the user's can't be read."""
        try:
            return [name for name in self._names() if not name.startswith("_")]
        except HarnessError:
            return []

    # Both have the parameters that click gives them by name.
    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002
        """The choices, as click writes them."""
        names = self.known() if self.shown else []
        return f"[{'|'.join(names)}]" if names else None

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The known names that begin with a text."""
        return [CompletionItem(name) for name in self.known() if name.startswith(incomplete)]


class Method(click.ParamType[str]):
    """A method of HTTP, as it is sent."""

    name = "method"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The method as it is written. `CONNECT` would turn the connection into a tunnel."""
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value) or value == "CONNECT":
            self.fail(f"The method {value!r} can't be sent.", param, ctx)
        return value


def _variants() -> Iterable[str]:
    from harness.setup import catalog

    return catalog.variants()


def _benchmarks() -> Iterable[str]:
    from harness.setup import catalog

    return catalog.benchmarks()


def _presets() -> Iterable[str]:
    from harness.setup import catalog

    return catalog.presets()


def _launchers() -> Iterable[str]:
    from harness.measure.launch import launchers

    return launchers.registered()


def _protocols() -> Iterable[str]:
    from harness.protocols import registered

    return registered()


def _drivers() -> Iterable[str]:
    from harness.measure.load import drivers

    return drivers.registered()


def _shapes() -> Iterable[str]:
    from harness.windows.profiles import shape_names

    return shape_names()


def _formats() -> Iterable[str]:
    # Not imported: they need more than a command line that only helps should wait for.
    found = importlib.util.find_spec("harness.report.formats")
    places = found.submodule_search_locations if found else None
    return sorted(module.name.removesuffix("_") for module in pkgutil.iter_modules(places))


def _axes() -> Iterable[str]:
    from harness.measure.campaign import sweep

    return sweep.AXES


def _experiments() -> Iterable[str]:
    from harness.setup.changes import CHANGES, REPLICAS

    return (REPLICAS, *CHANGES)


def _manifest_kinds() -> Iterable[str]:
    from harness.manifests import kinds

    return kinds.registered()


def _overlays() -> Iterable[str]:
    from harness.manifests import overlays

    return overlays.OVERLAYS


def _metrics() -> Iterable[str]:
    from harness.analyse.campaigns.nights import FOLLOWED

    return FOLLOWED


def _campaigns() -> Iterable[str]:
    from harness.base import paths
    from harness.stored import store

    return store.names(paths.results_dir())


METHOD = Method()
VARIANT = Named(_variants, shown=False)
CAMPAIGN = Named(_campaigns, shown=False)
BENCHMARK = Named(_benchmarks)
PRESET = Named(_presets)
LAUNCHER = Named(_launchers)
PROTOCOL = Named(_protocols)
DRIVER = Named(_drivers)
SHAPE = Named(_shapes)
FORMAT = Named(_formats)
AXIS = Named(_axes)
EXPERIMENT = Named(_experiments)
METRIC = Named(_metrics)
MANIFEST_KIND = Named(_manifest_kinds)
OVERLAY = Named(_overlays)
