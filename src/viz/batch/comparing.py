"""Several techniques side by side on one model: a plan without a file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from viz.batch.assignments import assigned
from viz.batch.plan import Plan, PlannedModel, PlannedSource, PlannedTechnique
from viz.core import technique as registry
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
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
    owners = {one: registry.find(one) for one in techniques}
    values = assigned(settings, owners, "technique of this comparison")
    name = _name_of(model)
    chosen = tuple(PlannedTechnique(one, registry.find(one)(**values.get(one, {})), options) for one in techniques)
    asked = (asdict(model_options), techniques, settings, sources, asdict(options))
    out = Path(options.out) if options.out else _out(name, asked)
    planned, source = PlannedModel(name, model, model_options), PlannedSource("", tuple(sources))
    return Plan(out, f"{name}: {', '.join(techniques)}", out, (planned,), chosen, (source,))


def technique_names(text: str) -> list[str]:
    """`a, b,c` as names of techniques, each once. Raises `UnknownName`, or `UsageError` for none or no maps."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError("--techniques names none", "for example --techniques saliency,grad-cam,occlusion")
    return [registry.find_explainer(name).info.name for name in names]


def _name_of(model: str) -> str:
    return Path(model).stem if model.endswith((".onnx", ".pt2", ".pt", ".pth")) else model.rpartition(":")[2] or model


def _out(name: str, asked: object) -> Path:
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Path("runs") / name / f"compare-{digest[:8]}"
