"""Refusing tensors that would fill the machine's memory before they are made: a small file can ask for terabytes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


class MemoryGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """While it is active, torch raises `MemoryError` instead of making a tensor of more than `limit` bytes.

    Every operation is first done on tensors without storage, which gives the size of its result. That
    takes about a tenth of a millisecond, so the guard is for folding constants and for first runs.
    """

    def __init__(self, limit: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self._limit = limit

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        size = _new_bytes(func, args, kwargs or {})
        if size > self._limit:
            raise MemoryError(f"out of memory: it makes a tensor of {size / 2**30:,.1f} GiB")
        return func(*args, **(kwargs or {}))


def memory_of_machine() -> int:
    """Bytes of memory that this process may use at most: of the machine, or of the container that it is in."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        whole = 1 << 36
    try:
        return min(whole, int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit
        return whole


def _new_bytes(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Bytes that an operation's result takes beyond its inputs; 0 where torch cannot tell without doing it."""
    try:
        given, named = tree_map_only(torch.Tensor, _without_storage, (tuple(args), dict(kwargs)))
        if "device" in named:
            named["device"] = torch.device("meta")
        result = function(*given, **named)
    except Exception:  # no shape rule for this operation, or an error that the operation itself reports better
        return 0
    held = {tensor.untyped_storage()._cdata for tensor in _tensors((given, named))}
    fresh = {storage._cdata: storage.nbytes() for storage in map(torch.Tensor.untyped_storage, _tensors(result))}
    return sum(size for storage, size in fresh.items() if storage not in held)


def _without_storage(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
