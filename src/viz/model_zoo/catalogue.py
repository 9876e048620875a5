"""The catalogue of models behind `--model zoo:NAME`: catalogue.toml as typed entries."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Literal

from viz.core.errors import UnknownName

IMAGENET_NOTE = "The 1000 ImageNet classes in their usual order; --labels FILE gives them names."


@dataclass(frozen=True)
class ZooEntry:
    """A model of the zoo, with all that a loader needs.

    Attributes:
        kind: "onnx", or "torch" for a state dict that goes into the class `arch` ("module:name").
        file: the file's name.
        preprocess: how it wants its images, with the keys of a `--preprocess` file.
        labels: class names in class order, or None where the user brings them.
        urls: where to download it, best first; empty for a model that ships with viz.
        size, sha256: bytes and checksum of the file; None for a model that ships with viz.
        source, licence, notes: whose weights, on which terms, and what to know about them.
    """

    name: str
    kind: Literal["onnx", "torch"]
    file: str
    preprocess: Mapping[str, Any]
    source: str
    licence: str
    labels: tuple[str, ...] | None = None
    notes: str = ""
    arch: str | None = None
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None

    @property
    def built_in(self) -> bool:
        """True for a model that ships with viz and needs no download."""
        return not self.urls

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@cache
def entries() -> dict[str, ZooEntry]:
    """Every model of the zoo by name, the built-in ones first."""
    table = _read()
    return {entry.name: entry for entry in (*_builtin(table), *_remote(table))}


def find(name: str) -> ZooEntry:
    """The model called `name`; raises `UnknownName` with the nearest ones."""
    try:
        return entries()[name]
    except KeyError:
        raise UnknownName("zoo model", name, entries(), "`viz zoo list` lists them all") from None


def left_out() -> dict[str, str]:
    """Well-known models that are not in the catalogue, and the reason for each."""
    reasons: dict[str, str] = _read()["left_out"]
    return dict(reasons)


def _read() -> dict[str, Any]:
    return tomllib.loads((files("viz.model_zoo") / "catalogue.toml").read_text(encoding="utf-8"))


def _builtin(table: dict[str, Any]) -> Iterator[ZooEntry]:
    for name, fields in table["builtin"].items():
        described = fields | {"preprocess": table["preprocess"][fields["preprocess"]]}
        yield ZooEntry(name=name, **described | {"labels": tuple(fields["labels"])})


def _remote(table: dict[str, Any]) -> Iterator[ZooEntry]:
    """Files of a family differ in name, size and checksum, and share all else."""
    for family in table["family"]:
        for name, fields in family["files"].items():
            file = fields.get("file", f"{name}.onnx")
            path = str(PurePosixPath(family["folder"], file))
            yield ZooEntry(
                name=name,
                kind="onnx",
                file=file,
                preprocess=table["preprocess"][family["preprocess"]],
                source=family["source"],
                licence=family["licence"],
                labels=tuple(family["labels"]) if "labels" in family else None,
                notes=_notes(family),
                urls=tuple(mirror.format(path=path) for mirror in table["mirrors"]),
                size=fields["size"],
                sha256=fields["sha256"],
            )


def _notes(family: dict[str, Any]) -> str:
    named = [IMAGENET_NOTE] if family.get("classes") == "imagenet" else []
    return " ".join([*([family["notes"]] if "notes" in family else []), *named])
