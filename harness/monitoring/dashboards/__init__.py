"""Dashboards of Grafana, as plain data: panels of queries, laid out in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PanelKind = Literal["timeseries", "stat", "table"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDE, _HIGH = 24, 8  # Grafana's grid; a panel's height
_SCHEMA = 39  # Grafana 10.4, which reads it as later ones do
_KINDS: dict[PanelKind, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "graphMode": "none",
        "colorMode": "value",
        "justifyMode": "auto",
        "textMode": "value_and_name",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
}


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """A query, and what its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPanel:
    """What stands in a rectangle."""

    title: str
    description: str
    queries: tuple[PanelQuery, ...]
    unit: str = "short"  # by Grafana's names
    kind: PanelKind = "timeseries"
    width: int = 12
    lines: tuple[float, ...] = ()  # thresholds
    points: bool = False  # values that are far apart, such as one a night


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable: the values of a label, several at a time or all."""

    name: str
    series: str  # whose label it is


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPage:
    """A dashboard."""

    uid: str
    title: str
    description: str
    choices: tuple[Choice, ...]
    rows: tuple[tuple[str, tuple[DashboardPanel, ...]], ...]  # titles, and the panels below
    since: str
    refresh: str

    @property
    def panels(self) -> Iterator[DashboardPanel]:
        """All of them."""
        for _, panels in self.rows:
            yield from panels

    def as_json(self) -> dict[str, Any]:
        """In the form that Grafana imports and provisions."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["serving-harness"],
            "timezone": "browser",
            "editable": True,
            "graphTooltip": 1,
            "schemaVersion": _SCHEMA,
            "refresh": self.refresh,
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": [_source(), *map(_variable, self.choices)]},
            "annotations": {"list": []},
            "panels": list(_laid_out(self.rows)),
        }


def _laid_out(rows: Sequence[tuple[str, Sequence[DashboardPanel]]]) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in rows:
        number += 1
        place = {"h": 1, "w": _WIDE, "x": 0, "y": y}
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        y, x = y + 1, 0
        for panel in panels:
            if x + panel.width > _WIDE:
                y, x = y + _HIGH, 0
            number += 1
            yield _drawn(panel, number, {"h": _HIGH, "w": panel.width, "x": x, "y": y})
            x += panel.width
        y += _HIGH


def _drawn(panel: DashboardPanel, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
    steps += [{"value": value, "color": "red"} for value in sorted(panel.lines)]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "points" if panel.points else "line",
            "pointSize": 6,
            "fillOpacity": 0,
            "spanNulls": False,
            "thresholdsStyle": {"mode": "line" if panel.lines else "off"},
        }
        defaults["min"] = 0
    else:
        defaults["color"] = {"mode": "fixed", "fixedColor": "text"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _KINDS[panel.kind],
        "targets": [_target(query, place, panel) for place, query in enumerate(panel.queries)],
    }


def _target(query: PanelQuery, place: int, panel: DashboardPanel) -> dict[str, Any]:
    now = panel.kind != "timeseries"
    shown = {"format": "table"} if panel.kind == "table" else {"format": "time_series"}
    return {
        "refId": chr(ord("A") + place),
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "editorMode": "code",
        "instant": now,
        "range": not now,
        **shown,
    }


def _source() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus", "selected": True},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _variable(choice: Choice) -> dict[str, Any]:
    query = f"label_values({choice.series}, {choice.name})"
    return {
        "name": choice.name,
        "label": choice.name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": choice.name},
        "current": {"text": ["All"], "value": ["$__all"], "selected": True},
        "hide": 0,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "options": [],
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }
