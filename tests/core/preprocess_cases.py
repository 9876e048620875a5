"""What the tests of preprocessing share: model inputs, config files, and resolving in one line."""

import json
from pathlib import Path

from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.sources.preprocess import InputFacts, resolve_preprocess

PHOTO = InputFacts(size=(224, 224), channels=3, layout="nchw")
FREE = InputFacts(channels=3, layout="nchw")
GRAY = InputFacts(size=(28, 28), channels=1, layout="nchw")

VIT = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 224, "width": 224},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 0.00392156862745098,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.5, 0.5, 0.5],
}


def resolve(model: Path | None, facts: InputFacts = PHOTO, metadata=None, zoo=None, **flags) -> Preprocess:
    return resolve_preprocess(facts, ModelOptions(**flags), model, metadata or {}, zoo)[0]


def warnings_of(model: Path | None, facts: InputFacts = PHOTO, metadata=None, zoo=None, **flags) -> str:
    return "\n".join(resolve_preprocess(facts, ModelOptions(**flags), model, metadata or {}, zoo)[1])


def write_toml(model: Path, text: str, name: str = "resnet.viz.toml") -> None:
    (model.parent / name).write_text(text)


def write_json(model: Path, name: str, table: object) -> None:
    (model.parent / name).write_text(json.dumps(table))


def timm_config(**changes) -> dict:
    return {
        "input_size": [3, 224, 224],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
    } | changes
