"""How a model wants its images, put together from all that says so, or guessed with a warning."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Layout, Preprocess
from viz.core.sources.candidates import Candidate, completed, from_everywhere_else, from_flags
from viz.core.sources.checks import check_channels, check_layout, doubtful_values, fitting_size
from viz.core.sources.presets import NATURAL_CHANNELS, PRESETS, RESIZE_SHORT_IS_FOR, preset_fields


@dataclass(frozen=True)
class InputFacts:
    """What the model file itself says about its image input.

    Attributes:
        size: height and width from the input's shape; None where free.
        channels: how many channels the shape has; None where free.
        layout: the axis order where the shape tells; None where it does not.
        integer: the input takes whole numbers (uint8, int8).
        signed: those whole numbers go from -128 to 127 (int8).
    """

    size: tuple[int | None, int | None] = (None, None)
    channels: int | None = None
    layout: Layout | None = None
    integer: bool = False
    signed: bool = False


def resolve_preprocess(
    facts: InputFacts,
    options: ModelOptions,
    model_path: Path | None,
    metadata: Mapping[str, str],
    zoo: Mapping[str, Any] | None = None,
) -> tuple[Preprocess, list[str]]:
    """The model's preprocessing, each value from the first source that gives one, and warnings.

    The order: single flags; `--preprocess`; `<model>.viz.toml`; metadata `viz.preprocess`, then ONNX's
    own image metadata; `preprocessor_config.json`; timm's `config.json`; the zoo; a guess, with a warning
    that names it. Only single flags replace values one by one: a source that gives any of mean, std and
    range gives all three (0..1, 0 and 1 where it is silent), and so for crop, resize_short and
    interpolation. `Preprocess.origin` says for each value where it was found.
    Raises `UsageError` where a value cannot be used, or contradicts the model's input.
    """
    flags = from_flags(options)
    others, warnings = from_everywhere_else(options, model_path, metadata, zoo)
    count = _channel_count(facts, [flags, *others])
    # Flags come in twice: one by one above all else, and below all sources as a source of their own, so
    # that a lone --range does not take its mean from a guess.
    beside_flags = completed(Candidate("default beside the flags", flags.fields), count)
    known = Candidate("model input", {"layout": facts.layout} if facts.layout else {})
    said = [flags, *(completed(other, count) for other in others), beside_flags, known]
    preprocess, more = _merged(facts, [*said, _guess(facts, count)])
    assumed = _assumed(preprocess, model_path)
    return preprocess, warnings + more + assumed + doubtful_values(preprocess, facts.integer, facts.signed)


def _channel_count(facts: InputFacts, candidates: list[Candidate]) -> int:
    """The model's own number of channels, else what the first source implies, else 3."""
    if facts.channels is None:
        named = next((c.fields["channels"] for c in candidates if "channels" in c.fields), "rgb")
        return {"gray": 1, "rgba": 4}.get(named, 3)
    if facts.channels not in NATURAL_CHANNELS:
        raise UsageError(f"the model's input has {facts.channels} channels", "viz can feed 1, 3 or 4 channels")
    return facts.channels


def _guess(facts: InputFacts, count: int) -> Candidate:
    """What most models with such an input want."""
    name = "raw" if facts.integer else "imagenet" if count == 3 else "unit"
    fields = preset_fields(name, count, "inferred") | {"layout": "nchw"}
    if facts.signed:
        fields["range"] = (-128.0, 127.0)
    return Candidate("inferred", fields, short_for=RESIZE_SHORT_IS_FOR)


def _merged(facts: InputFacts, candidates: list[Candidate]) -> tuple[Preprocess, list[str]]:
    """The first value of each field, fitted to the model's input and checked against it."""
    found = {key: _first(key, candidates) for key in candidates[-1].fields}
    fields = {key: candidate.fields[key] for key, candidate in found.items()}
    origins = {key: candidate.origin_of(key) for key, candidate in found.items()}
    size, origins["size"], warnings = _size(facts, candidates)
    fields["resize_short"] = _short_side(fields, found["resize_short"], size)
    for key in ("mean", "std"):
        fields[key] = _follow_colours(fields[key], found[key], fields["channels"])
    check_channels(fields, origins, facts.channels)
    check_layout(fields["layout"], origins["layout"], facts.layout)
    return Preprocess(size=size, origin=origins, **fields), warnings


def _first(key: str, candidates: list[Candidate]) -> Candidate:
    return next(candidate for candidate in candidates if key in candidate.fields)


def _size(facts: InputFacts, candidates: list[Candidate]) -> tuple[tuple[int, int], str, list[str]]:
    """The input's size, where it was found, and warnings."""
    sized = next((candidate for candidate in candidates if "size" in candidate.fields), None)
    if sized is None:
        return fitting_size(facts.size, None, "inferred", binding=False)
    return fitting_size(facts.size, sized.fields["size"], sized.origin_of("size"), sized.binding)


def _short_side(fields: Mapping[str, Any], source: Candidate, size: tuple[int, int]) -> int | None:
    """The source's `resize_short`, grown in proportion where the input's size is another than it meant."""
    short: int | None = fields["resize_short"]
    if short is None or fields["crop"] != "center":
        return None
    return round(short * max(size) / source.short_for) if source.short_for else short


def _follow_colours(values: tuple[float, ...], source: Candidate, channels: str) -> tuple[float, ...]:
    """A mean of red stays with red where a higher source turns RGB into BGR.

    Flags name no order beside the final one, so theirs are taken as typed.
    """
    swapped = {source.fields.get("channels", channels), channels} == {"rgb", "bgr"}
    return values[::-1] if swapped else values


def _assumed(preprocess: Preprocess, model_path: Path | None) -> list[str]:
    """One warning that names everything that no source said."""
    parts = [text for key, text in _in_words(preprocess).items() if preprocess.origin[key] == "inferred"]
    if not parts:
        return []
    files = f", or put {model_path.stem}.viz.toml beside the model" if model_path else " or a FILE.toml"
    return [
        f"nothing says how this model wants its images; assumed {', '.join(parts)}. If predictions look wrong, "
        f"give --preprocess ({', '.join(PRESETS)}){files}; `viz predict` shows what the model sees"
    ]


def _in_words(preprocess: Preprocess) -> dict[str, str]:
    """Each field that can be guessed on its own, with those that come with it."""
    height, width = preprocess.size
    low, high = preprocess.range
    mean = "ImageNet mean/std on " if any(preprocess.mean) else ""
    crop = f"short side {preprocess.resize_short}, centre crop" if preprocess.crop == "center" else "stretched to fit"
    return {
        "size": f"size {height}x{width}",
        "channels": f"channels {preprocess.channels}",
        "layout": f"layout {preprocess.layout}",
        "mean": f"{mean}values {low:g}..{high:g}",
        "crop": crop,
    }
