"""The parts of a page that need no script: facts, notices, failures, and tables of what was run."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from viz.report.markup import Markup, join, tag


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and values side by side, the few that matter first."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="facts")


def notice(kind: str, title: str, items: Sequence[str]) -> Markup:
    """A block that catches the eye (`kind`: warning, failure or note); nothing where there are no items."""
    if not items:
        return Markup()
    listing = tag("ul", *(tag("li", item) for item in items))
    return tag("section", tag("h2", title), listing, class_=f"notice {kind}")


def folded(title: str, *content: str, class_: str = "folded", is_open: bool = False) -> Markup:
    """Content that opens with a click."""
    attributes = {"open": ""} if is_open else {}
    return tag("details", tag("summary", title), *content, class_=class_, **attributes)


def failures(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """What failed and why, one row each; folded where there are many."""
    if not rows:
        return Markup()
    return folded(title, table(head, rows), class_="notice failure", is_open=len(rows) <= 5)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table whose first column names the row."""
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = tag("tbody", *(tag("tr", tag("th", row[0], scope="row"), *(tag("td", c) for c in row[1:])) for row in rows))
    return tag("div", tag("table", top, body), class_="scrolls", tabindex="0", role="region", aria_label=head[0])


def settings_table(name: str, values: Mapping[str, Any]) -> Markup:
    """A mapping as a table of names and values; nothing where it is empty."""
    if not values:
        return Markup()
    return table((name, "Value"), [(key, shown(value)) for key, value in values.items()])


def preprocess_table(preprocess: Mapping[str, Any]) -> Markup:
    """Every preprocessing value with where it was found."""
    origin = preprocess["origin"]
    rows = [
        (name, shown(value), origin.get(name, "default"))
        for name, value in preprocess.items()
        if name not in ("origin", "text")
    ]
    return table(("Preprocessing", "Value", "Where it was found"), rows)


def what_was_run(run: Mapping[str, Any]) -> Markup:
    """Command, settings, model, preprocessing, versions: all that is needed to do the run again."""
    model = dict(run["model"])
    details = model.pop("details")
    resolved = {key: run[key] for key in ("target", "score", "seed", "device", "labels_origin")}
    resolved = {key: value for key, value in resolved.items() if value != ""}  # images made from nothing have no target
    tables = [
        preprocess_table(run["preprocess"]),
        settings_table("Setting", run["settings"]),
        settings_table("Run", run.get("options", {}) | resolved),
        settings_table("Model", model | details),
        settings_table("Version of", run["versions"] | {"platform": run.get("platform", "not recorded")}),
    ]
    return join(
        tag("pre", run["command"], tabindex="0"),
        tag("div", *tables, class_="tables"),
        tag("p", f"Source: {run['source']}", class_="quiet"),
        _passed_over(run["skipped"]),
    )


def _passed_over(names: Sequence[str]) -> Markup:
    if not names:
        return Markup()
    return folded(f"{counted(len(names), 'file')} passed over", tag("ul", *(tag("li", name) for name in names)))


def counted(count: int, noun: str) -> str:
    """`1 image`, `1,234 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown(value: Any) -> str:
    """A value from JSON as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(v, int | float | str) for v in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
