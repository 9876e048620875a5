"""One layer as the page's scripts want it: figures of all units together, all else in blocks of a few units."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from viz.render.sprites import ROWS
from viz.report.markup import url
from viz.report.microscope.survey_folder import Record

BLOCK = 64  # units
_STRIP = 6  # units that stand for a layer
_DETAILS = ("histogram", "quantiles", "classes", "related")


def key_of(records: Sequence[Record]) -> str:
    """The name that a layer's files have, "" where it has no units."""
    return records[0]["key"].removesuffix(f"-{records[0]['channel']}") if records else ""


def layer_entry(facts: Record, records: Sequence[Record], data: str) -> Record:
    """What the list of layers says of one; `data` is the folder of its further data.

    `sprites` is the address of its pictures, 16 units each, numbered 0001 and so on; `columns` how many patches a
    row of them has; `strip` are some units, by their places, that stand for the layer.
    """
    pictures: dict[str, str] = next((record["files"] for record in records if record["files"]), {})
    columns = records[0]["grid"][0] if records else 0
    return {
        "name": facts["name"],
        "op": facts.get("op", ""),
        "shape": facts.get("shape"),
        "positions": facts.get("positions"),
        "field": facts.get("field"),
        "everywhere": bool(facts.get("everywhere")),
        "notes": [*facts.get("notes", ()), *facts.get("warnings", ())],
        "units": len(records),
        "dead": sum("dead" in record["flags"] for record in records),
        "data": url(data),
        "block": BLOCK,
        "sprites": url(str(PurePosixPath(pictures["sprite"]).parent) + "/") if pictures else "",
        "heat": "heat" in pictures,
        "columns": columns,
        "strip": _for_a_look(records),
    }


def _for_a_look(records: Sequence[Record]) -> list[int]:
    """Some units with patches that lie on the layer's first picture."""
    return [row for row, record in enumerate(records[:ROWS]) if record["patches"]][:_STRIP]


def units_table(records: Sequence[Record], classes: dict[str, int]) -> Record:
    """Figures of all units of a layer, a list for each; `best` are places in `classes`, which grows, -1 for none."""
    names = dict.fromkeys(name for record in records for name in record["numbers"])
    best = [_best_class(record) for record in records]
    return {
        "channels": [record["channel"] for record in records],
        "numbers": {name: [brief(record["numbers"].get(name)) for record in records] for name in names},
        "flags": [record["flags"] for record in records],
        "best": [-1 if name is None else classes.setdefault(name, len(classes)) for name in best],
        "patches": [len(record["patches"]) for record in records],
    }


def blocks(records: Sequence[Record], extras: Mapping[str, Any]) -> Iterator[Record]:
    """Units in blocks: their patches, with names of photos listed once a block, their figures, what is beside them."""
    for start in range(0, len(records), BLOCK):
        images: dict[str, int] = {}
        units = [_unit(record, images, extras) for record in records[start : start + BLOCK]]
        yield {"images": list(images), "units": units}


def _unit(record: Record, images: dict[str, int], extras: Mapping[str, Any]) -> Record:
    details = {name: _brief_all(record["details"][name]) for name in _DETAILS if name in record["details"]}
    return {
        "patches": [_patch(patch, images) for patch in record["patches"]],
        "warnings": record["warnings"],
        **details,
        **_extras(extras, str(record["channel"])),
    }


def _patch(patch: Record, images: dict[str, int]) -> list[Any]:
    """Photo, value, place, part of the photo in its pixels, and whether it is clipped (1) or missing (2)."""
    mark = 2 if patch.get("missing") else int(patch["clipped"])
    box = [round(v, 1) for v in patch["photo_box"]]
    return [images.setdefault(patch["image"], len(images)), brief(patch["value"]), patch["place"], box, mark]


def _extras(extras: Mapping[str, Any], channel: str) -> Record:
    """Pictures and links of one channel, those that there are."""
    pictures = {
        kind: [{**one, "file": url(one["file"])} for one in found[channel]]
        for kind, found in extras.get("pictures", {}).items()
        if channel in found
    }
    links = extras.get("links", {}).get(channel)
    return {**({"pictures": pictures} if pictures else {}), **({"links": _brief_all(links)} if links else {})}


def _best_class(record: Record) -> str | None:
    """The class whose images excite a unit most, of one that is excited at all."""
    classes = record["details"].get("classes") or [None]
    first = classes[0]
    return first["name"] if first and (first["mean"] or 0) > 0 else None


def brief(value: Any) -> Any:
    """A number with the digits that the page shows."""
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _brief_all(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _brief_all(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_brief_all(one) for one in value]
    return brief(value)
