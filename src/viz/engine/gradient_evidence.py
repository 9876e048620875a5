"""The evidence that a run's gradients are right, made once per model and kept in the cache."""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ModelError
from viz.core.gradient_check import TOLERANCE, GradientCheck, gradient_checks
from viz.core.images import Photo, fit
from viz.core.result import FloatArray
from viz.core.target import Target, class_target, neuron_target, ranked_classes
from viz.model_zoo.cache import cache_root
from viz.model_zoo.shape_pictures import draw


def gradient_evidence(model: Adapter) -> dict[str, Any]:
    """What `Adapter.evidence` says, and a check of one gradient against differences; plain values for run.json.

    Empty for a model whose gradients are taken of the very program that runs it forward. The check is made
    on a generated picture, along one random direction (`viz verify` makes a fuller one), and kept in the
    cache under the model's hash. A model that it cannot be made for says why.
    """
    evidence = dict(model.evidence())
    if not evidence:
        return {}
    file = _place(model)
    found = _kept(file)
    if found is None:
        found = _made(model)
        _keep(file, found)
    return {**evidence, "gradient_check": found}


def doubt(evidence: Mapping[str, Any]) -> str:
    """A warning where the check does not hold; empty where it does, or where there is none."""
    checks = evidence.get("gradient_check", {}).get("checks", [])
    wrong = [check for check in checks if not check["holds"]]
    if not wrong:
        return ""
    return (
        f"the gradient of {wrong[0]['target']} is {wrong[0]['relative_error']:.2g} away from differences of "
        f"{wrong[0]['differences_of']}: do not trust these maps before `viz verify` has said why"
    )


def _made(model: Adapter) -> dict[str, Any]:
    picture = fit(Photo(draw(0).pixels, sha256=""), model.preprocess).pixels
    try:
        checks = gradient_checks(model, picture, _target(model, picture), directions=1)
    except ModelError as problem:
        return {"checks": [], "why_not": problem.problem}
    return {"checks": [_plain(check) for check in checks]}


def _target(model: Adapter, picture: FloatArray) -> Target:
    if model.scores is None:
        return neuron_target(model, model.outputs[0], 0)
    order, _ = ranked_classes(model, picture[None])
    return class_target(model, int(order[0, 0]))


def _plain(check: GradientCheck) -> dict[str, Any]:
    return {
        "target": check.target,
        "differences_of": check.by,
        "relative_error": check.error,
        "uncertainty": check.uncertainty,
        "tolerance": TOLERANCE,
        "holds": check.holds(TOLERANCE),
    }


def _place(model: Adapter) -> Path | None:
    if not model.source.sha256:
        return None
    versions = [version(package) for package in ("onnx-viz", "torch", "onnx")]
    source, preprocess = model.source, model.preprocess.as_dict()
    deciding = [source.sha256, source.runtime, source.device, dict(source.details), preprocess, versions]
    digest = hashlib.sha256(json.dumps(deciding, sort_keys=True, default=str).encode()).hexdigest()
    return cache_root() / "gradient-checks" / f"{digest[:32]}.json"


def _kept(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("checks"), list) else None


def _keep(file: Path | None, found: Mapping[str, Any]) -> None:
    """A cache that cannot be written costs time only."""
    if file is None:
        return
    partial = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(file)
    except OSError:
        return
