"""Preprocessing as Hugging Face, timm and ONNX's image metadata write it, in viz's own keys."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from viz.core.errors import UsageError
from viz.core.preprocess import Interpolation
from viz.core.sources.keys import Fields

_PIL_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}
_PIXEL_FORMATS = {"gray8": "gray", "rgb8": "rgb", "bgr8": "bgr", "rgba8": "rgba"}
_PIXEL_RANGES = {"nominalrange_0_255": [0, 255], "normalized_0_1": [0, 1], "normalized_1_1": [-1, 1]}


def from_hugging_face(config: Mapping[str, Any], where: str) -> tuple[Fields, list[str]]:
    """A `preprocessor_config.json` as a preprocessing table, and warnings on what viz cannot do alike.

    Source: the image processors of transformers, whose files state every default that they use.
    Raises `UsageError` where a value makes no sense.
    """
    try:
        geometry, warnings = _hf_geometry(config)
        values, more = _hf_values(config)
    except (TypeError, ValueError, KeyError, ZeroDivisionError) as problem:
        raise UsageError(
            f"{where} cannot be understood: {type(problem).__name__}: {problem}",
            "give --preprocess, or correct the file",
        ) from None
    return geometry | values, [f"{where}: {warning}" for warning in warnings + more]


def from_timm(config: Mapping[str, Any], where: str) -> tuple[Fields, list[str]]:
    """A timm `config.json` (with `pretrained_cfg`, or flat) as a table; empty for any other config.

    Source: `resolve_data_config` and `transforms_imagenet_eval` of timm: short side floor(size / crop_pct).
    """
    inner = config.get("pretrained_cfg")
    config = inner if isinstance(inner, dict) else config
    if "input_size" not in config or "mean" not in config:
        return {}, []
    try:
        _, height, width = config["input_size"]
        part = float(config.get("crop_pct") or 0.875)
        short = math.floor(max(height, width) / part)
    except (TypeError, ValueError, ZeroDivisionError) as problem:
        raise UsageError(f"{where} cannot be understood: {problem}", "give --preprocess, or correct the file") from None
    table: Fields = {
        "size": [height, width],
        "crop": "center",
        "resize_short": short,
        "interpolation": config.get("interpolation", "bicubic"),
        "mean": config["mean"],
        "std": config.get("std", 1.0),
        "range": [0, 1],
    }
    if config.get("crop_mode") == "squash":  # stretched, then the middle cut out: the central part of each side
        del table["resize_short"]
        table["crop"] = part
    return _without_unknowns(table, config.get("crop_mode"), where)


def _without_unknowns(table: Fields, crop_mode: str | None, where: str) -> tuple[Fields, list[str]]:
    """Replace what viz has no word for by the nearest thing, with a warning."""
    warnings = []
    if crop_mode not in (None, "center", "squash"):
        warnings.append(f"{where}: crop_mode {crop_mode!r} is not known here; used a centre crop instead")
    if (filter_name := table["interpolation"]) not in get_args(Interpolation):
        warnings.append(f"{where}: interpolation {filter_name!r} is not known here; used bicubic instead")
        table["interpolation"] = "bicubic"
    return table, warnings


def from_image_metadata(metadata: Mapping[str, str]) -> Fields:
    """ONNX's own `Image.BitmapPixelFormat` and `Image.NominalPixelRange` as a table, case ignored.

    Source: https://onnx.ai/onnx/repo-docs/MetadataProps.html
    """
    said = {key.lower(): value.strip().lower() for key, value in metadata.items()}
    channels = _PIXEL_FORMATS.get(said.get("image.bitmappixelformat", ""))
    scale = _PIXEL_RANGES.get(said.get("image.nominalpixelrange", ""))
    return {key: value for key, value in (("channels", channels), ("range", scale)) if value is not None}


def _hf_values(config: Mapping[str, Any]) -> tuple[Fields, list[str]]:
    mean, std = config.get("image_mean"), config.get("image_std")
    normalize = config.get("do_normalize", mean is not None)
    if normalize and (mean is None or std is None):
        return {}, ["do_normalize without image_mean and image_std"]
    if not normalize and not {"do_normalize", "do_rescale", "rescale_factor"} & set(config):
        return {}, []
    values: Fields = {"range": _hf_range(config), "mean": 0.0, "std": 1.0}
    if normalize:
        values |= {"mean": mean, "std": _squared(std) if _divides_twice(config) else std}
    if config.get("do_flip_channel_order"):
        values["channels"] = "bgr"
    return values, []


def _hf_range(config: Mapping[str, Any]) -> list[float]:
    """What black and white become: 0..255 times the factor, exactly 0..1 for 1/255 however it was rounded."""
    if not config.get("do_rescale", True):  # the old extractors name no do_rescale and always scale
        return [0.0, 255.0]
    white = 255.0 * float(config.get("rescale_factor", 1 / 255))
    low = -1.0 if config.get("rescale_offset") else 0.0
    return [low, low + (float(round(white)) if math.isclose(white, round(white), rel_tol=1e-5) else white)]


def _divides_twice(config: Mapping[str, Any]) -> bool:
    """EfficientNet's processor divides by image_std a second time, so its file holds the root of it."""
    kind = str(_processor(config))
    return kind.startswith("EfficientNet") and bool(config.get("include_top", True))


def _squared(std: Any) -> list[float]:
    return [float(s) * float(s) for s in (std if isinstance(std, list) else [std])]


def _processor(config: Mapping[str, Any]) -> str:
    return str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")


def _hf_geometry(config: Mapping[str, Any]) -> tuple[Fields, list[str]]:
    size = config.get("size")
    crop = _hf_side(config["crop_size"]) if config.get("do_center_crop") else None
    if not config.get("do_resize", size is not None) or size is None:
        return {}, [] if crop is None else ["a centre crop without a resize is not possible here"]
    interpolation = _PIL_FILTERS.get(config.get("resample", 2))
    warnings = [] if interpolation else [f"resample {config['resample']} is not known here; used bilinear instead"]
    table, more = _hf_resize(config, size, crop)
    return table | {"interpolation": interpolation or "bilinear"}, warnings + more


def _hf_resize(config: Mapping[str, Any], size: Any, crop: list[int] | None) -> tuple[Fields, list[str]]:
    if _processor(config).startswith("ConvNext"):
        return _convnext(_number(size["shortest_edge"] if isinstance(size, dict) else size), config), []
    if (isinstance(size, dict) and "height" in size) or (isinstance(size, int) and (crop is None or _squares(config))):
        sides = _hf_side(size)
        return _stretched(sides, crop), _padding(min(sides), crop)
    short = size["shortest_edge"] if isinstance(size, dict) and "shortest_edge" in size else size
    if crop is not None and not isinstance(short, dict):
        short = _number(short)
        return {"size": crop, "crop": "center", "resize_short": max(short, *crop)}, _padding(short, crop)
    return {"crop": "none"}, [f"size {size!r} keeps each image's own shape, which is not possible here; stretched"]


def _stretched(size: list[int], crop: list[int] | None) -> Fields:
    """Stretch, and where a crop follows, the central part of each side that it leaves."""
    if crop is None or not all(c < s for c, s in zip(crop, size, strict=True)):
        return {"size": crop or size, "crop": "none"}
    return {"size": crop, "crop": crop[0] / size[0]}


def _squares(config: Mapping[str, Any]) -> bool:
    """The old extractors that read a plain number as a square, not as the short side."""
    return _processor(config).startswith(("ViT", "DeiT", "Beit"))


def _padding(short: int, crop: list[int] | None) -> list[str]:
    if crop is None or short >= max(crop):
        return []
    return [f"the crop {crop} is larger than the resized image ({short}); enlarged instead of padded"]


def _convnext(side: int, config: Mapping[str, Any]) -> Fields:
    """ConvNeXT's rule: below 384 a centre crop of crop_pct, from there on stretched."""
    if side >= 384:
        return {"size": [side, side], "crop": "none"}
    part = config.get("crop_pct") or 224 / 256
    return {"size": [side, side], "crop": "center", "resize_short": int(side / part)}


def _hf_side(size: Any) -> list[int]:
    """{"height": 240, "width": 320} or 224 as height and width."""
    if isinstance(size, dict):
        return [_number(size["height"]), _number(size["width"])]
    return [_number(size), _number(size)]


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError(f"{value!r} is not a number of pixels")
    return value
