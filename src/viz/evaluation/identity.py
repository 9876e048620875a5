"""What an evaluation is of: everything that changes a number, but for the technique and the metric."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.discovery import Listing
from viz.core.truths import Known
from viz.evaluation.options import EvaluationOptions

SCHEMA = 1
_NO_MATTER = ("out", "batch_size", "fail_fast", "limit", "shard")  # the images themselves are listed


def identity_of(model: Adapter, listing: Listing, known: Sequence[Known | None], options: EvaluationOptions) -> str:
    """A hash. Techniques and metrics are left out, so that an evaluation can be extended by further ones."""
    preprocess = model.preprocess.as_dict()
    del preprocess["origin"]
    deciding = {
        "schema": SCHEMA,
        "viz": version("onnx-viz"),
        "model": [model.source.sha256, "" if model.source.sha256 else model.source.spec, model.source.device],
        "scores": asdict(model.scores) if model.scores else None,
        "preprocess": preprocess,
        "labels": model.labels.names,
        "images": [str(file.path.absolute()) for file in listing.files],
        "known": [entry and entry.said for entry in known],
        "options": {name: value for name, value in asdict(options).items() if name not in _NO_MATTER},
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def folder_of(model: Adapter, identity: str, options: EvaluationOptions) -> Path:
    """`--out`, or runs/MODEL/evaluate-HASH."""
    return Path(options.out) if options.out else Path("runs") / model.source.name / f"evaluate-{identity[:8]}"


def described(
    model: Adapter, options: EvaluationOptions, command: str, identity: str, listing: Listing
) -> dict[str, Any]:
    """The part of evaluation.json that is known before the first image."""
    return {
        "schema": SCHEMA,
        "identity": identity,
        "command": command,
        "model": {**asdict(model.source), "outputs": list(model.outputs)},
        "preprocess": {**model.preprocess.as_dict(), "text": model.preprocess.describe()},
        "options": asdict(options),
        "found": len(listing.files),
    }
