"""What makes a run another run: a hash of all that changes its results, which also names its folder."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.discovery import SUFFIXES, ImageFile
from viz.core.remote_paths import is_remote, without_scheme
from viz.core.run_options import AnyOptions, ImageOptions, LookOptions, MakeOptions, RunOptions
from viz.core.target import references
from viz.core.technique import settings
from viz.engine.run_folder import SCHEMA

Options = AnyOptions

_WITHOUT_EFFECT = ("out", "batch_size", "fail_fast", "engine", "address", "workers")


def run_path(technique: Any, model: Adapter, sources: Sequence[str | Path], options: Options) -> Path:
    """Where a run's results go: `--out`, or runs/MODEL/TECHNIQUE-HASH."""
    if options.out:
        return Path(options.out)
    short = identity_of(technique, model, sources, options)[:8]
    return Path("runs") / model.source.name / f"{technique.info.name}-{short}"


def identity_of(technique: Any, model: Adapter, sources: Sequence[str | Path], options: Options) -> str:
    """A hash of all that changes the result."""
    preprocess = model.preprocess.as_dict()
    del preprocess["origin"]
    deciding = {
        "schema": SCHEMA,
        "viz": version_of("onnx-viz"),
        "technique": technique.info.name,
        "settings": settings(technique),
        "model": [model.source.sha256, model.source.spec if not model.source.sha256 else "", model.source.device],
        "details": dict(model.source.details),
        "scores": asdict(model.scores) if model.scores else None,
        "preprocess": preprocess,
        "labels": model.labels.names,
        "sources": [_absolute(str(source)) for source in sources],
        "options": _deciding(options),
    }
    targets = [options.target] if isinstance(options, RunOptions) else own_targets(technique)
    if compared := [one for target in targets for one in references(target, model)]:
        deciding["references"] = compared
    if technique.info.makes and (files := dict(_files_in(settings(technique)))):
        deciding["files"] = files
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def share_facts(
    technique: Any, model: Adapter, sources: Sequence[str | Path], options: Options, files: Sequence[ImageFile]
) -> dict[str, Any]:
    """What run.json says for `viz merge`: of which whole this run may be a share, and how shares take turns.

    `files` is the whole listing. `images_together` are those that share a call.
    """
    whole = replace(options, shard=None) if isinstance(options, ImageOptions) else options
    return {
        "sources": [_absolute(str(source)) for source in sources],
        "identity_without_shard": identity_of(technique, model, sources, whole),
        "images_together": technique.info.images_per_call,
        "listing": {"count": len(files), "names": names_digest(files)},
    }


def names_digest(files: Sequence[ImageFile]) -> str:
    """A hash of the images' names in order: the same on every machine."""
    return hashlib.sha256("".join(f"{file.name}\n" for file in files).encode()).hexdigest()


def own_targets(technique: Any) -> list[str]:
    """The targets that a maker has among its own options, as text."""
    target = settings(technique).get("target") or []
    return [target] if isinstance(target, str) else list(target)


def version_of(package: str) -> str:
    """The installed version, or "" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _deciding(options: Options) -> dict[str, Any]:
    if isinstance(options, LookOptions):
        return {}
    values = {name: value for name, value in asdict(options).items() if name not in _WITHOUT_EFFECT}
    if isinstance(options, MakeOptions):  # where an animation is copied to changes nothing in the folder
        del values["animate"]
        values |= {"frames": options.frames_kept, "animation": options.animation}
    return values


def _absolute(source: str) -> str:
    mark, place = ("@", source[1:]) if source.startswith("@") else ("", source)
    return mark + (place if is_remote(place) else str(Path(without_scheme(place)).expanduser().absolute()))


def _files_in(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Files that options name, a style or a folder of photos, and what is in them: the name alone says too little."""
    for value in values.values():
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str) and text and (state := _state(Path(text))):
                yield text, state


def _state(path: Path) -> str:
    """The hash of a file, or of the images that a folder holds with their sizes and times; "" for what is neither."""
    try:
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
        inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES) if path.is_dir() else []
        states = [(str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in inside]
    except (OSError, ValueError):  # a text that no path can be
        return ""
    return hashlib.sha256(json.dumps(states).encode()).hexdigest() if states else ""
