"""What modules and operations give back, taken apart into named tensors."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def named_tensors(name: str, value: object, taken: Collection[str] = ()) -> list[tuple[str, Tensor]]:
    """All tensors in a value: `name` for a single one, `name.0`, `name.logits`, … in a structure of several.

    Where such a name is `taken` by another layer, the part is called `name.out.0`.
    """
    if isinstance(value, Tensor):
        return [(name, value)]
    found = list(_walk(value))
    if len(found) == 1:
        return [(name, found[0][1])]
    parts = [(".".join(path), tensor) for path, tensor in found]
    return [(f"{name}.{part}" if f"{name}.{part}" not in taken else f"{name}.out.{part}", t) for part, t in parts]


def named_outputs(value: object, taken: Collection[str]) -> list[tuple[str, Tensor]]:
    """A model's outputs: their own keys or fields where they have such, else `output`, `output.0`, `output.1`, ….

    A name that is `taken` by another layer is led by `model_`.
    """
    keyed = isinstance(value, Mapping) or hasattr(value, "_fields") or is_dataclass(value)
    named = [(".".join(path), t) for path, t in _walk(value)] if keyed else named_tensors("output", value)
    return [(f"model_{name}" if name in taken else name, tensor) for name, tensor in named]


def tensors_in(value: object) -> list[Tensor]:
    """All tensors in a value, in order."""
    return [value] if isinstance(value, Tensor) else [tensor for _, tensor in _walk(value)]


def _walk(value: object) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    if isinstance(value, Tensor):
        yield (), value
        return
    for key, part in _parts(value):
        for path, tensor in _walk(part):
            yield (key, *path), tensor


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a mapping, named tuple, dataclass, list or tuple; nothing for anything else."""
    if value is None or isinstance(value, int | float | str):  # most arguments that are no tensors
        return
    if isinstance(value, Mapping):  # first: the outputs of transformers are mappings and dataclasses at once
        yield from ((str(key), part) for key, part in value.items())
    elif hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif is_dataclass(value):
        yield from ((field.name, getattr(value, field.name)) for field in fields(value))
    elif isinstance(value, list | tuple):
        yield from ((str(index), part) for index, part in enumerate(value))
