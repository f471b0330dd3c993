"""Records of each window: a row for a request, a call of the predictor, a chunk, a mark, or an
invocation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.analyse.run import digest
from harness.base.errors import ResultError, unknown
from harness.frames.common import Name, folder_of, warn
from harness.stored import store
from harness.stored.records import Window
from harness.windows.columns import TABLES
from harness.windows.marks import MARKS
from harness.windows.samples import ERRORS, MISSING


def requests(campaign: Name, variant: str) -> pd.DataFrame:
    """Every request of every window of a variant.

    benchmark     category
    round         int64     from 1
    window        int64     which of its run's windows, from 0, in the order of the stored files
    kind          category  what the window is there for: profile, probe (of the search for the
                            capacity), strain (overload, stop), audit
    profile       category  name of the window's profile
    payload       int64     which payload was sent, from 0
    due_s         float64   planned send time, from the window's start; NaN in a closed loop
    sent_s        float64   from the window's start, as the next two
    first_byte_s  float64
    done_s        float64   last byte
    response_ms   float64   from due to done; NaN in a closed loop, and where it failed
    service_ms    float64   from sent to done; NaN where it failed
    status        Int64     of HTTP, <NA> where none came
    error         category  kind of error, NaN where there was none
    ok            bool      whether it was answered without one
    queued        bool      whether it had to wait for a free connection
    resent        bool      whether it was sent twice, as a used connection was closed
    """
    frame, columns = _table("requests", list(_windows(campaign, variant)))
    due, sent, done = (columns[f"{name}_ns"] for name in ("due", "sent", "done"))
    ok = columns["error"] == 0
    frame["payload"] = columns["payload"]
    for name in ("due", "sent", "first_byte", "done"):
        moments = columns[f"{name}_ns"]
        frame[f"{name}_s"] = _known(moments, moments != MISSING) / 1e9
    frame["response_ms"] = _known(done - due, ok & (due != MISSING)) / 1e6
    frame["service_ms"] = _known(done - sent, ok) / 1e6
    status = pd.Series(columns["status"], dtype="Int64")
    frame["status"] = status.mask(status == 0)
    frame["error"] = pd.Categorical.from_codes(
        columns["error"] - 1, categories=pd.Index(ERRORS[1:])
    )
    frame["ok"] = ok
    frame["queued"] = columns["queued"] == 1
    frame["resent"] = columns["resent"] == 1
    return frame


def calls(campaign: Name, variant: str) -> pd.DataFrame:
    """Every call of the predictor in every window of a variant, seen from inside the server.

    benchmark, round, window, kind, profile: as of its requests

    start_s      float64  from the window's start
    duration_ms  float64
    batch        int64    instances in the call
    process      int64    which of the server's processes it was in, from 0
    """
    frame, columns = _table("calls", list(_windows(campaign, variant)))
    frame["start_s"] = columns["start_ns"] / 1e9
    frame["duration_ms"] = columns["duration_ns"] / 1e6
    frame["batch"] = columns["batch"]
    frame["process"] = columns["process"]
    return frame


def chunks(campaign: Name, variant: str) -> pd.DataFrame:
    """Every piece of content in the answers to a variant, of a protocol that looks at them.

    benchmark, round, window, kind, profile: as of its requests

    request      int64    which of the window's requests, from 0
    at_s         float64  from the window's start
    size_bytes   int64
    count        Int64    of what the protocol counts, such as tokens; <NA> where it does not
    """
    frame, columns = _table("chunks", list(_windows(campaign, variant)))
    frame["request"] = columns["request"]
    frame["at_s"] = columns["at_ns"] / 1e9
    frame["size_bytes"] = columns["size_bytes"]
    count = pd.Series(columns["count"], dtype="Int64")
    frame["count"] = count.mask(count == MISSING)
    return frame


def marks(campaign: Name, variant: str) -> pd.DataFrame:
    """Marks of the last answer to each request, for a protocol whose exchanges set them.

    benchmark, round, window, kind, profile: as of its requests

    request      int64    which of the window's requests, from 0
    mark         category  a name, see docs/schema.md
    value        int64    moments, which end with _ns, from the window's start
    """
    frame, columns = _table("marks", list(_windows(campaign, variant)))
    frame["request"] = columns["request"]
    frame["mark"] = pd.Categorical([MARKS[code] for code in columns["mark"]])
    frame["value"] = columns["value"]
    return frame


def invocations(campaign: Name, variant: str) -> pd.DataFrame:
    """Every request to a function, as its front saw it.

    benchmark, round, window, kind, profile: as of its requests

    arrived_s     float64  from the window's start, as the next five; NaN where it never came to it
    dispatched_s  float64  an instance was given it
    handled_s     float64  the handler began
    returned_s    float64  the handler returned
    answered_s    float64  the front had the instance's answer
    sent_s        float64  the front had written its own
    instance      Int64    number of the instance, from 1; <NA>: none was given it
    cold          bool     the instance was started for it
    status        int64    of the front's answer
    billed_ms     int64    the billed part of its initialisation included
    init_ms       float64  from the order to start its instance until that asked for work; 0: none
    peak_bytes    Int64    the most memory that the instance had held by then; <NA>: not known
    """
    frame, columns = _table("invocations", list(_windows(campaign, variant)))
    for name in ("arrived", "dispatched", "handled", "returned", "answered", "sent"):
        moments = columns[f"{name}_ns"]
        frame[f"{name}_s"] = _known(moments, moments != MISSING) / 1e9
    for name in ("instance", "peak_bytes"):
        values = pd.Series(columns[name], dtype="Int64")
        frame[name] = values.mask(values == MISSING)
    frame["cold"] = columns["cold"] == 1
    frame["status"], frame["billed_ms"] = columns["status"], columns["billed_ms"]
    frame["init_ms"] = columns["init_ns"] / 1e6
    order = (*_PLACE, *_INVOKED)
    return frame[list(order)]


_INVOKED = (
    *("arrived_s", "dispatched_s", "handled_s", "returned_s", "answered_s", "sent_s"),
    *("instance", "cold", "status", "billed_ms", "init_ms", "peak_bytes"),
)


class _Part(NamedTuple):
    """A window, and where it belongs."""

    benchmark: str
    round: int
    window: int
    kind: str
    profile: str
    content: Window


_PLACE = {"benchmark": str, "round": int, "window": int, "kind": str, "profile": str}


def _windows(campaign: Name, variant: str) -> Iterator[_Part]:
    folder = folder_of(campaign)
    plan = store.read_campaign(folder)
    cells = [cell for cell in plan.cells if cell.variant_name == variant]
    if not cells:
        raise unknown("variant", variant, {cell.variant_name for cell in plan.cells})
    for cell, place in store.stored(folder, cells):
        try:
            run = digest.read_cell(place, plan, cell)
        except ResultError as error:
            warn(f"{cell}: {error}")
            continue
        for number, window in enumerate(run.windows):
            kind, name = window.facts.kind.value, window.facts.profile.name
            yield _Part(cell.benchmark_name, cell.round, number, kind, name, window)


def _table(name: str, parts: Sequence[_Part]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The window of each row of a table, as a frame, and the columns as they are stored."""
    tables = [getattr(part.content, name) for part in parts]
    empty = np.empty(0, np.int64)
    columns = {
        field.name: np.concatenate([empty, *(getattr(table, field.name) for table in tables)])
        for field in fields(TABLES[name])
    }
    first = fields(TABLES[name])[0].name
    rows = np.array([len(getattr(table, first)) for table in tables], np.int64)
    owner = np.repeat(np.arange(len(parts)), rows)
    frame = pd.DataFrame(
        {
            field: _owned([getattr(part, field) for part in parts], owner, kind)
            for field, kind in _PLACE.items()
        }
    )
    return frame, columns


def _owned(values: list[Any], owner: Any, kind: type) -> Any:
    """Each row's value, given the place of its window among them: a category where it is text."""
    if kind is str:
        places = {value: place for place, value in enumerate(dict.fromkeys(values))}
        codes = np.array([places[value] for value in values], np.int64)
        return pd.Categorical.from_codes(codes[owner], categories=pd.Index([*places], dtype="str"))
    return np.array(values, np.int64)[owner]


def _known(values: Any, known: Any) -> Any:
    return np.where(known, values, np.nan)
