"""Several techniques side by side on one model: a plan without a file."""

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from viz.batch.plan import Plan, PlannedModel, PlannedSource, PlannedTechnique
from viz.batch.values import as_typed
from viz.core import technique as registry
from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.options import options_of
from viz.core.run_options import RunOptions


def comparison(
    model: str,
    model_options: ModelOptions,
    techniques: Sequence[str],
    settings: Sequence[str],
    sources: Sequence[str],
    options: RunOptions,
) -> Plan:
    """A plan of one model and some techniques over the same images and target.

    `settings` are texts `TECHNIQUE.OPTION=VALUE`. Results go to `--out`, or to
    runs/MODEL/compare-HASH, where the same comparison finds them again. Raises `UsageError` or
    `UnknownName` for what cannot be.
    """
    values = _settings(techniques, settings)
    name = _name_of(model)
    chosen = tuple(PlannedTechnique(one, registry.find(one)(**values.get(one, {})), options) for one in techniques)
    asked = (asdict(model_options), techniques, settings, sources, asdict(options))
    out = Path(options.out) if options.out else _out(name, asked)
    planned, source = PlannedModel(name, model, model_options), PlannedSource("", tuple(sources))
    return Plan(out, f"{name}: {', '.join(techniques)}", out, (planned,), chosen, (source,))


def technique_names(text: str) -> list[str]:
    """`a, b,c` as names of techniques, each once. Raises `UnknownName`, or `UsageError` for none."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError("--techniques names none", "for example --techniques saliency,grad-cam,occlusion")
    return [registry.find(name).info.name for name in names]


def _settings(techniques: Sequence[str], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        technique, dot, option = key.rpartition(".")
        if not equals or not dot:
            raise UsageError(f"--set {text} is not TECHNIQUE.OPTION=VALUE", "for example --set occlusion.patch=16")
        if technique not in techniques:
            raise UnknownName("technique of this comparison", technique, techniques)
        found.setdefault(technique, {}).update([_typed(technique, option.replace("-", "_"), value)])
    return found


def _typed(technique: str, option: str, text: str) -> tuple[str, Any]:
    known = {one.name: one for one in options_of(registry.find(technique))}
    if option not in known:
        raise UnknownName(f"option of {technique}", option, known)
    return option, as_typed(known[option], _value(text))


def _value(text: str) -> Any:
    """A number, true or false where it reads as one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _name_of(model: str) -> str:
    return Path(model).stem if model.endswith((".onnx", ".pt2", ".pt", ".pth")) else model.rpartition(":")[2] or model


def _out(name: str, asked: object) -> Path:
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Path("runs") / name / f"compare-{digest[:8]}"
