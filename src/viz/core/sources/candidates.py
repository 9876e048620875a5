"""Everything that says how a model wants its images, read and checked: flags, files, metadata, configs, zoo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.sources.beside_model import json_table, read_sidecar, sidecar_of
from viz.core.sources.hub import from_hugging_face, from_image_metadata, from_timm
from viz.core.sources.keys import Fields, read_flag, read_table
from viz.core.sources.presets import NATURAL_CHANNELS, PRESETS, RESIZE_SHORT_IS_FOR, preset_fields

_FLAGS = ("size", "resize_short", "crop", "interpolation", "channels", "layout", "range", "mean", "std")
_NEUTRAL: Fields = {"range": (0.0, 1.0), "mean": (0.0,), "std": (1.0,)}


@dataclass(frozen=True)
class Candidate:
    """What one source says about some fields of `Preprocess`, and what to call that source.

    Attributes:
        origin: the source's name; `origins` has names of single fields.
        binding: written for this very model, so that a conflict with it is an error; the config of
            another export gives way with a warning.
        short_for: the size that `resize_short` was meant for, where it grows with the size.
    """

    origin: str
    fields: Fields
    binding: bool = True
    short_for: int | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin_of(self, key: str) -> str:
        """Where this field's value was found."""
        return self.origins.get(key, self.origin)


def from_flags(options: ModelOptions) -> Candidate:
    """The single overrides. `--resize-short` alone means a centre crop."""
    given = {key: getattr(options, key) for key in _FLAGS if getattr(options, key) is not None}
    fields = {key: read_flag(key, text) for key, text in given.items()}
    origins = {key: "flag --" + key.replace("_", "-") for key in fields}
    if fields.get("crop", "center") != "center":
        _refuse_short_side(fields, "--crop")
        fields["resize_short"], origins["resize_short"] = None, "flag --crop"
    elif "resize_short" in fields and "crop" not in fields:
        fields["crop"], origins["crop"] = "center", "flag --resize-short"
    return Candidate("flags", fields, origins=origins)


def from_everywhere_else(
    options: ModelOptions, model_path: Path | None, metadata: Mapping[str, str], zoo: Mapping[str, Any] | None
) -> tuple[list[Candidate], list[str]]:
    """All other sources that are there, highest first, and warnings; presets not yet filled in."""
    found = _named(options.preprocess)
    if (sidecar := sidecar_of(model_path)) is not None:
        found.append(_read(sidecar.path.name, sidecar.preprocess))
    if text := metadata.get("viz.preprocess"):
        found.append(_read("metadata", _json_object(text)))
    found.append(_read("metadata Image.*", from_image_metadata(metadata)))
    hub, warnings = _from_hub(model_path)
    found += hub
    if zoo:
        found.append(_read("zoo", {key: value for key, value in zoo.items() if key != "labels"}))
    return found, warnings


def completed(candidate: Candidate, channel_count: int) -> Candidate:
    """Fill in the preset, and the groups that the source begins: the scale of the values, and the crop."""
    candidate = _with_preset(candidate, channel_count)
    fields = dict(candidate.fields)
    if _NEUTRAL.keys() & fields.keys():
        fields = {**_NEUTRAL, "channels": NATURAL_CHANNELS[channel_count], **fields}
    if fields.get("resize_short") is not None and fields.setdefault("crop", "center") != "center":
        _refuse_short_side(fields, candidate.origin)
    if "crop" in fields:
        fields = {"resize_short": None, "interpolation": "bilinear", **fields}
    return replace(candidate, fields=fields)


def _with_preset(candidate: Candidate, channel_count: int) -> Candidate:
    """The preset's values below the source's own."""
    own = dict(candidate.fields)
    own_short_for = max(own["size"]) if "size" in own else None
    if "preset" not in own:
        return replace(candidate, short_for=own_short_for)
    name = own.pop("preset")
    where = "--preprocess" if candidate.origin == f"preset {name}" else candidate.origin
    preset = preset_fields(name, channel_count, where)
    if own.get("crop", "center") != "center":
        preset["resize_short"] = None
    if "resize_short" in own:
        own.setdefault("crop", "center")
    if {preset["channels"], own.get("channels")} == {"rgb", "bgr"}:
        preset |= {key: preset[key][::-1] for key in ("mean", "std")}
    short_for = own_short_for if "resize_short" in own else RESIZE_SHORT_IS_FOR
    return replace(candidate, fields=preset | own, short_for=short_for)


def _refuse_short_side(fields: Fields, where: str) -> None:
    if fields.get("resize_short") is not None:
        raise UsageError(
            f"{where}: resize_short is {fields['resize_short']}, but crop is {fields['crop']!r} and not center",
            "leave one of the two out",
        )


def _named(name: str | None) -> list[Candidate]:
    """What `--preprocess` says: a preset or a file."""
    if name is None:
        return []
    if name in PRESETS:
        return [Candidate(f"preset {name}", {"preset": name})]
    path = Path(name).expanduser()
    if path.is_file():
        return [_read(path.name, read_sidecar(path).preprocess)]
    if path.suffix or len(path.parts) > 1:
        raise UsageError(f"--preprocess {name}: there is no such file", f"or name a preset: {', '.join(PRESETS)}")
    raise UnknownName("preset", name, PRESETS, f"--preprocess takes {', '.join(PRESETS)}, or a FILE.toml")


def _read(origin: str, table: Mapping[str, Any], binding: bool = True) -> Candidate:
    return Candidate(origin, read_table(table, origin), binding)


def _json_object(text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise UsageError(
            f"the metadata viz.preprocess is not a JSON object: {text[:80]!r}",
            "correct it in the model file, or remove it there and use a .viz.toml",
        )
    return table


def _from_hub(model_path: Path | None) -> tuple[list[Candidate], list[str]]:
    found, warnings = [], []
    for name, reader in (("preprocessor_config.json", from_hugging_face), ("config.json", from_timm)):
        if (beside := json_table(model_path, name)) is not None:
            table, more = reader(beside[1], name)
            found.append(_read(name, table, binding=False))
            warnings += more
    return found, warnings
