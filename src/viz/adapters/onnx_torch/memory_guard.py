"""Refusing tensors that would fill the machine's memory before they are made: a small file can ask for terabytes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from viz.adapters.onnx_torch.result_sizes import estimated_bytes

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


class MemoryGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """While it is active, torch raises `MemoryError` instead of making a tensor of more than `limit` bytes.

    It looks at every operation, which takes as long as a few small ones do: it is for folding constants
    and for the first run of a graph, not for every run.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and keeping the compiler away means importing it: two seconds

    def __init__(self, limit: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self._limit = limit

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        size = estimated_bytes(func, args, kwargs or {})
        if size > self._limit:
            raise MemoryError(f"out of memory: it makes a tensor of about {size / 2**30:,.1f} GiB")
        return func(*args, **(kwargs or {}))


def sane_bytes() -> int:
    """The most that one tensor may take: a quarter of the memory of the machine, or of the container we are in.

    A tensor is rarely alone, and the system ends processes that fill it without a word.
    """
    return _memory() // 4


def _memory() -> int:
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        whole = 1 << 36
    try:
        return min(whole, int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit
        return whole
