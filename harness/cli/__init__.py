"""The command line: one module in this package for each command, found by name.

Data goes to standard output, talk to standard error.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import sys
from typing import Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, HarnessError
from harness.cli import _interrupted, _interrupts, _say


class Commands(click.Group):
    """Imports a command when it is asked for: the others cost nothing."""

    def list_commands(self, _: click.Context) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(__path__)]
        return sorted(name.removesuffix("_") for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        known = self.list_commands(ctx)
        if name not in known:
            return None
        module = f"{__name__}.{name}"
        if importlib.util.find_spec(module) is None:
            module += "_"
        command: click.Command = importlib.import_module(module).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = "" if ctx.resilient_parsing or not args else args[0]  # a shell may complete anything
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            from harness.base.errors import unknown

            raise unknown("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="serving-harness")
def cli() -> None:
    """Start serving frameworks, send identical load to each one, and report the results."""


class _Talk(logging.Handler):
    """Log messages, such as those of an installation, go where commands talk."""

    def emit(self, record: logging.LogRecord) -> None:
        _say.line(record.getMessage(), err=True)


def main() -> None:
    """Run the command line and exit with the code that the design gives each outcome."""
    _interrupts.watch()
    _say.begin()
    steps = logging.getLogger("harness")
    steps.setLevel(logging.INFO)
    steps.handlers = [_Talk()]
    try:
        code = cli.main(standalone_mode=False)
        _say.require_told()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HarnessError as error:
        for line in _sentences(error):
            _say.line(line, err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        if nothing := _interrupted.of_arguments(sys.argv[1:]):
            _say.lines(nothing)
        _say.line("Interrupted.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_INTERRUPTED)
    except OSError:
        if not (why := _say.lost()):
            raise
        _say.line(f"error: {why}", err=True)
        sys.exit(EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _sentences(error: HarnessError) -> list[str]:
    first, *others = map(str, error.args or ("",))
    return [f"error: {first}", *others]
