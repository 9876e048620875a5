"""Sizes of results, foretold and then compared with what torch makes; and the guard that refuses the huge ones."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from viz.adapters.onnx_torch.memory_guard import MemoryGuard, sane_bytes
from viz.adapters.onnx_torch.result_sizes import estimated_bytes

X, ROW, COLUMN = torch.ones(2, 3, 5, 7), torch.ones(1, 400), torch.ones(300, 1)
GROWING = {
    "broadcasting": lambda: ROW + COLUMN,
    "a table of products": lambda: COLUMN @ ROW,
    "a batch of products": lambda: torch.bmm(torch.ones(4, 9, 2), torch.ones(4, 2, 11)),
    "a new tensor": lambda: torch.full((30, 40), 1.0),
    "whole numbers": lambda: torch.zeros(30, 40, dtype=torch.int64),
    "a range": lambda: torch.arange(0, 1000, 3),
    "a range from zero": lambda: torch.arange(77),
    "repeating": lambda: torch.ones(3, 2).repeat(5, 7),
    "expanding and copying": lambda: torch.ones(1, 7).expand(90, 7).contiguous(),
    "padding": lambda: functional.pad(X, (1, 2, 30, 4)),
    "a convolution with padding": lambda: functional.conv2d(
        X, torch.ones(4, 3, 3, 2), stride=(2, 1), padding=(9, 3), dilation=2
    ),
    "a transposed convolution": lambda: functional.conv_transpose2d(
        X, torch.ones(3, 4, 3, 3), stride=3, output_padding=1
    ),
    "enlarging to a size": lambda: functional.interpolate(X, size=(50, 60), mode="nearest"),
    "enlarging by a factor": lambda: functional.interpolate(X, scale_factor=4.0, mode="bilinear"),
    "picking rows": lambda: torch.index_select(X, 1, torch.zeros(99, dtype=torch.int64)),
    "picking by index": lambda: X[:, torch.zeros(99, dtype=torch.int64)],
}


class Compare(TorchDispatchMode):
    """Notes the estimate of every operation with what it made."""

    def __init__(self):
        super().__init__()
        self.pairs = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not func.is_view:
            self.pairs.append((str(func), estimated_bytes(func, args, kwargs or {}), result.nbytes))
        return result


@pytest.mark.parametrize("name", GROWING)
def test_the_size_of_what_grows_is_foretold(name):
    with Compare() as seen:
        GROWING[name]()
    operation, estimate, made = max(seen.pairs, key=lambda pair: pair[2])
    assert 0.9 * made <= estimate <= 1.5 * made, operation


@pytest.mark.parametrize("name", GROWING)
def test_the_guard_refuses_what_is_larger_than_its_limit_and_nothing_else(name):
    with Compare() as seen:
        GROWING[name]()
    largest = max(estimate for _, estimate, _ in seen.pairs)
    with MemoryGuard(int(largest) + 1):
        GROWING[name]()
    with pytest.raises(MemoryError), MemoryGuard(int(largest) - 1):
        GROWING[name]()


def test_views_cost_nothing():
    with MemoryGuard(1000):
        assert torch.ones(1).expand(1 << 40).shape == (1 << 40,)


def test_gradients_and_vmap_work_under_the_guard():
    x = torch.ones(3, 4, requires_grad=True)
    with MemoryGuard(1 << 20):
        y = torch.vmap(lambda row: torch.relu(row * 2))(x)
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [[2.0] * 4] * 3


def test_the_limit_of_this_machine_is_sane():
    assert 1 << 26 < sane_bytes() < 1 << 44
