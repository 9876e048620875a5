"""From what `--model` says to a torch model in memory: made by code, or read from a file of any kind."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from viz.adapters.torch_loading.factories import Built, from_factory, read_arguments
from viz.adapters.torch_loading.hubs import from_hub
from viz.adapters.torch_loading.kinds import Kind, kind_of
from viz.adapters.torch_loading.pickles import read_export, read_pickle
from viz.adapters.torch_loading.spec import FACTORY, HUBS
from viz.adapters.torch_loading.state_dict import load_weights, weights_in
from viz.core.errors import ModelError, UsageError
from viz.core.model_options import ModelOptions
from viz.core.torch_errors import first_lines


@dataclass(frozen=True)
class Loaded:
    """A model, what identifies its bytes, the file it came from, and what came with it.

    `preprocess`, `labels`: what its maker or the zoo says, and `origin`, which of them.
    """

    model: nn.Module | ExportedProgram
    sha256: str
    path: Path | None = None
    preprocess: Mapping[str, Any] | None = None
    labels: Sequence[str] | None = None
    origin: str = "zoo"
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load(spec: str, options: ModelOptions) -> Loaded:
    """The model that `spec` names; raises `ModelError`, `UsageError` or `UnknownName` with what to do."""
    path = Path(spec).expanduser()
    if spec.startswith(HUBS) or (FACTORY.fullmatch(spec) and not path.is_file()):
        return _from_code(spec, options)
    return _from_file(path, options)


def sha256_of_weights(module: nn.Module) -> str:
    """A hash over names, formats and bytes of all parameters and buffers, on any device."""
    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        plain = isinstance(value, torch.Tensor) and not value.is_quantized
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode() if plain else f"{name} {value}".encode())
        if plain:
            total.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _from_code(spec: str, options: ModelOptions) -> Loaded:
    _refuse(options, "arch", f"is for state dicts, and {spec} is a network")
    built = _build(spec, options)
    return Loaded(
        built.module,
        sha256_of_weights(built.module),
        preprocess=built.preprocess,
        labels=built.labels,
        origin=built.origin,
        details={"weights": built.weights} if built.weights else {},
        notes=built.notes,
    )


def _build(spec: str, options: ModelOptions) -> Built:
    arguments = read_arguments(options.model_arg, "--model-arg")
    if spec.startswith(HUBS):
        return from_hub(spec, arguments)
    if not FACTORY.fullmatch(spec):
        raise UsageError(f"{spec!r} names no network", "write package.module:name, torchvision:NAME or timm:NAME")
    return from_factory(spec, arguments)


def _from_file(path: Path, options: ModelOptions) -> Loaded:
    kind = kind_of(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    value = _READERS[kind](path, options.trust_pickle)
    if not isinstance(value, nn.Module | ExportedProgram):
        return _into_architecture(path, sha256, value, options)
    for name in ("arch", "model_arg"):
        _refuse(options, name, f"is for state dicts, and {path} holds a whole network")
    return Loaded(value, sha256, path, details={"file": kind})


def _into_architecture(path: Path, sha256: str, value: Any, options: ModelOptions) -> Loaded:
    """The network of `--arch` with the file's weights."""
    weights, key = weights_in(value, path)
    if options.arch is None:
        raise UsageError(
            f"{path} holds weights only ({len(weights)} tensors: {', '.join(list(weights)[:3])}, …)",
            "name the network that they are for: --arch package.module:Class, or --arch torchvision:NAME",
        )
    built = _build(options.arch, options)
    prefix = load_weights(built.module, weights, path, options.arch)
    found = {"arch": options.arch, "table": key, "prefix": prefix}
    return Loaded(
        built.module,
        sha256,
        path,
        preprocess=built.preprocess,
        origin=built.origin,
        details={name: text for name, text in found.items() if text},
    )


def _safetensors(path: Path, trusted: bool) -> Any:
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except Exception as problem:  # the Rust side raises its own kinds
        raise ModelError(f"{path} cannot be loaded: {first_lines(problem)}", "copy or download it again") from problem


def _torchscript(path: Path, trusted: bool) -> Any:
    try:
        return torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]  # torch's
    except Exception as problem:  # damaged archives raise whatever the reader stumbles over
        raise ModelError(f"{path} cannot be loaded: {first_lines(problem)}", "copy or download it again") from problem


_READERS: dict[Kind, Callable[[Path, bool], Any]] = {
    "pickle": read_pickle,
    "safetensors": _safetensors,
    "exported": read_export,
    "torchscript": _torchscript,
}


def _refuse(options: ModelOptions, name: str, reason: str) -> None:
    """An option that would have no effect is an error."""
    if getattr(options, name):
        flag = "--" + name.replace("_", "-")
        raise UsageError(f"{flag} {reason}", f"leave {flag} out")
