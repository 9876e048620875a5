"""A model's class names: from --labels, files beside the model, its metadata, or the zoo."""

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError
from viz.core.labels import Labels
from viz.core.model_options import ModelOptions
from viz.core.sources.beside_model import json_table, model_folders, read_sidecar, sidecar_of
from viz.core.sources.label_files import names_in, names_of, read_names
from viz.core.sources.presets import PRESETS

_Found = tuple[str, Callable[[], list[str] | None]]


def resolve_labels(
    options: ModelOptions,
    model_path: Path | None,
    metadata: Mapping[str, str],
    classes: int | None,
    zoo: Mapping[str, Any] | None = None,
) -> tuple[Labels, list[str]]:
    """The class names from the first source whose count suits the model, and warnings.

    The order: `--labels`; `labels` in the `--preprocess` file, then in `<model>.viz.toml`; metadata
    `viz.labels`, then `names` as Ultralytics writes it; Hugging Face's or timm's `config.json`;
    `<model>.labels.txt|json`, then `labels.txt|json` in the model's folder; the zoo. A source with
    another count than the model's classes (None: unknown) would name them wrongly: it is passed over
    with a warning that gives both counts. No source at all gives empty labels.
    Raises `UsageError` where `--labels` or a source written for viz cannot be used.
    """
    if options.labels is not None:
        return _asked_for(Path(options.labels).expanduser(), classes), []
    warnings: list[str] = []
    for origin, read in _sources(options, model_path, metadata, zoo):
        names = read()
        if names and classes in (None, len(names)):
            return Labels(tuple(names), origin), warnings
        if names:
            warnings.append(f"{origin}: {_mismatch(len(names), classes)}; not used, give --labels FILE")
    return Labels(), warnings


def _asked_for(path: Path, classes: int | None) -> Labels:
    names = read_names(path)
    if classes not in (None, len(names)):
        raise UsageError(
            f"--labels {path}: {_mismatch(len(names), classes)}", "give one name for every class, in order"
        )
    return Labels(tuple(names), path.name)


def _mismatch(found: int, classes: int | None) -> str:
    shift = ", perhaps with a background class" if classes is not None and abs(found - classes) == 1 else ""
    return f"{found} names for a model of {classes} classes{shift}"


def _sources(
    options: ModelOptions, model_path: Path | None, metadata: Mapping[str, str], zoo: Mapping[str, Any] | None
) -> Iterator[_Found]:
    """Every source that may hold names, highest first; each is read only when those above had none."""
    yield from _sidecars(options, model_path)
    if text := metadata.get("viz.labels"):
        yield "metadata", partial(_from_metadata, text)
    if literal := metadata.get("names"):
        yield "metadata names", partial(_from_literal, literal)
    if (config := json_table(model_path, "config.json")) is not None:
        yield "config.json", partial(_from_config, config[1])
    for path in _beside(model_path):
        yield path.name, partial(names_in if path.name == "labels.json" else read_names, path)
    if zoo and (names := zoo.get("labels")) is not None:
        yield "zoo", partial(_listed, names, Path(), "zoo")


def _sidecars(options: ModelOptions, model_path: Path | None) -> Iterator[_Found]:
    given = Path(options.preprocess or "").expanduser()
    named_a_file = options.preprocess not in (None, *PRESETS) and given.is_file()
    sidecars = [read_sidecar(given)] if named_a_file else []
    if (beside := sidecar_of(model_path)) is not None:
        sidecars.append(beside)
    for sidecar in sidecars:
        if sidecar.labels is not None:
            yield sidecar.path.name, partial(_listed, sidecar.labels, sidecar.path.parent, sidecar.path.name)


def _listed(labels: str | list[Any], folder: Path, where: str) -> list[str]:
    """A list of names, or a file of them relative to `folder`; raises `UsageError` naming `where`."""
    if isinstance(labels, str):
        return read_names(folder / labels)
    names = names_of(labels)
    if names is None:
        raise UsageError(f"{where}: labels is not a list of names", 'write labels = ["cat", "dog"], in class order')
    return names


def _from_metadata(text: str) -> list[str]:
    try:
        names = names_of(json.loads(text))
    except ValueError:
        names = None
    if names is None:
        raise UsageError(
            f"the metadata viz.labels is not a JSON list of names: {text[:80]!r}", "give --labels FILE, or correct it"
        )
    return names


def _from_literal(text: str) -> list[str] | None:
    """`{0: 'person', 1: 'bicycle'}`, a Python literal; parsed without running it. None for anything else."""
    try:
        return names_of(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _from_config(config: Mapping[str, Any]) -> list[str] | None:
    """Hugging Face's id2label or timm's label_names; the placeholders LABEL_0, LABEL_1, … are no names."""
    inner = config.get("pretrained_cfg")
    timm = config.get("label_names") or (inner.get("label_names") if isinstance(inner, dict) else None)
    names = names_of(config.get("id2label")) or names_of(timm)
    return None if names and names[0] == "LABEL_0" else names


def _beside(model_path: Path | None) -> Iterator[Path]:
    for folder in model_folders(model_path):
        stem = model_path.stem if model_path else ""
        for name in (f"{stem}.labels.txt", f"{stem}.labels.json", "labels.txt", "labels.json"):
            if (folder / name).is_file():
                yield folder / name
