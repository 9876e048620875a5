"""The named ways of preprocessing: imagenet, caffe, tf, unit, raw."""

from dataclasses import dataclass, field
from typing import Any

from viz.core.errors import UnknownName, UsageError
from viz.core.sources.keys import Fields

NATURAL_CHANNELS = {1: "gray", 3: "rgb", 4: "rgba"}


@dataclass(frozen=True)
class Preset:
    """Values of `Preprocess`; those of `colours` are per colour, so only three channels can have them."""

    geometry: Fields
    range: tuple[float, float]
    colours: Fields = field(default_factory=dict)


_CENTRE: Fields = {"crop": "center", "resize_short": 256, "interpolation": "bilinear"}
_STRETCH: Fields = {"crop": "none", "resize_short": None, "interpolation": "bilinear"}

RESIZE_SHORT_IS_FOR = 224  # a preset's `resize_short` grows with the input's size from here

PRESETS = {
    "imagenet": Preset(
        _CENTRE, (0.0, 1.0), {"channels": "rgb", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    ),
    "caffe": Preset(_CENTRE, (0.0, 255.0), {"channels": "bgr", "mean": (104.0, 117.0, 123.0), "std": (1.0,)}),
    "tf": Preset({"crop": 0.875, "resize_short": None, "interpolation": "bilinear"}, (-1.0, 1.0)),
    "unit": Preset(_STRETCH, (0.0, 1.0)),
    "raw": Preset(_STRETCH, (0.0, 255.0)),
}


def preset_fields(name: str, channel_count: int, where: str) -> dict[str, Any]:
    """The preset's values for a model with so many channels.

    Raises `UnknownName`, or `UsageError` where the preset is one of colours and the model has no three.
    """
    if name not in PRESETS:
        raise UnknownName(f"preset of {where}", name, PRESETS, f"the presets are: {', '.join(PRESETS)}")
    preset = PRESETS[name]
    if preset.colours and channel_count != 3:
        raise UsageError(
            f"the preset {name} ({where}) is for three channels, and the model's input has {channel_count}",
            "use unit (0..1) or raw (0..255), with --mean and --std where the model was trained with them",
        )
    plain = {"channels": NATURAL_CHANNELS[channel_count], "mean": (0.0,), "std": (1.0,)}
    return {**preset.geometry, "range": preset.range, **plain, **preset.colours}
