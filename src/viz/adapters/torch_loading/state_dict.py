"""Weights by name, and putting them into a network, every one or none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor, nn

from viz.core.errors import ModelError

Weights = Mapping[str, Tensor]

# Where training scripts keep the weights inside a checkpoint, and what wrappers put before the names.
_TABLES = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights", "ema")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")


def weights_in(value: Any, path: Path) -> tuple[Weights, str]:
    """The table of tensors in what a file holds, and the key it was under (empty: none).

    Raises `ModelError` saying what was found instead.
    """
    if _is_weights(value):
        return value, ""
    if isinstance(value, Mapping):
        for key in _TABLES:
            inner = value.get(key)
            inner = inner.state_dict() if isinstance(inner, nn.Module) else inner
            if _is_weights(inner):
                return inner, key
    keys = f" with the keys {', '.join(map(str, list(value)[:8]))}" if isinstance(value, Mapping) else ""
    raise ModelError(
        f"{path} holds no weights that can be found, but a {type(value).__name__}{keys}",
        f"viz looks for a table of tensors, also under {', '.join(_TABLES)}",
    )


def _is_weights(value: Any) -> TypeGuard[Weights]:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(part, Tensor) for part in value.values())


def load_weights(module: nn.Module, weights: Weights, path: Path, arch: str) -> str:
    """Load `weights` into `module` and say in words what was removed from their names.

    Raises `ModelError` naming the first weights that are missing, left over, or of another shape.
    """
    own = module.state_dict()
    prefix = _common_prefix(weights, own)
    named = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    # Older files have no such counters, and evaluation does not read them.
    counters = {name: own[name] for name in own if name.endswith("num_batches_tracked")}
    _check(own, counters | named, path, arch)
    module.load_state_dict(counters | named, strict=True)
    return prefix


def _common_prefix(weights: Weights, own: Weights) -> str:
    """What all names begin with that no name of the network does; wrappers may be nested."""
    prefix = ""
    while True:
        names = [name.removeprefix(prefix) for name in weights]
        more = next((p for p in _PREFIXES if all(name.startswith(p) for name in names)), "")
        if not more or all(name in own for name in names):
            return prefix
        prefix += more


def _check(own: Weights, given: Weights, path: Path, arch: str) -> None:
    faults = [
        ("it lacks", [name for name in own if name not in given]),
        ("it has besides", [name for name in given if name not in own]),
        ("shapes differ in", [_shapes(name, own, given) for name in own if _differs(name, own, given)]),
    ]
    texts = [f"{fault} {_first(names)}" for fault, names in faults if names]
    if texts:
        raise ModelError(
            f"the weights of {path} do not fit {arch}: {'; '.join(texts)}",
            "check --arch, and its arguments with --model-arg NAME=VALUE (such as num_classes=10)",
        )


def _differs(name: str, own: Weights, given: Weights) -> bool:
    return name in given and own[name].shape != given[name].shape


def _shapes(name: str, own: Weights, given: Weights) -> str:
    return f"{name} ({_written(given[name])} in the file, {_written(own[name])} in the network)"


def _written(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _first(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
