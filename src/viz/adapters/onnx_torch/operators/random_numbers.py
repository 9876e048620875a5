"""Random numbers: Bernoulli, Multinomial, RandomUniform, RandomNormal and their Like forms; the same in every run.

A run must depend on the image only: a map made from a hundred runs would else show the noise of the model. So
a node draws from a generator that begins anew in every run, at the node's `seed`, or at its name where it has
none. (onnxruntime goes on drawing: its answers to one image differ from run to run.)
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator


@operator("Bernoulli")
def bernoulli(node: Node, x: Tensor, dtype: int | None = None, seed: float | None = None) -> Tensor:
    """1 with probability x, else 0."""
    drawn = _numbers(_generator(node, seed).random(tuple(x.shape)), torch.float64, x.device)
    return (drawn < x).to(x.dtype if dtype is None else node.types.dtype(dtype))


@operator("Multinomial")
def multinomial(
    node: Node, x: Tensor, dtype: int = TensorProto.INT32, sample_size: int = 1, seed: float | None = None
) -> Tensor:
    """(b, classes) of log-probabilities, up to a constant -> (b, sample_size) of classes drawn by them.

    Source: the largest of log-probabilities with Gumbel noise is a draw (Gumbel 1954).
    """
    rows, classes = x.shape
    noise = _numbers(_generator(node, seed).gumbel(size=(rows, sample_size, classes)), torch.float64, x.device)
    return (x[:, None] + noise).argmax(-1).to(node.types.dtype(dtype))


@operator("RandomUniform")
def random_uniform(
    node: Node,
    shape: Sequence[int],
    dtype: int = TensorProto.FLOAT,
    seed: float | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Tensor:
    """Numbers from [low, high), on the CPU, as constants are before they are moved."""
    return _numbers(_generator(node, seed).uniform(low, high, tuple(shape)), node.types.dtype(dtype))


@operator("RandomUniformLike")
def random_uniform_like(
    node: Node, x: Tensor, dtype: int | None = None, seed: float | None = None, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """Numbers from [low, high) in the shape of x."""
    drawn = _generator(node, seed).uniform(low, high, tuple(x.shape))
    return _numbers(drawn, x.dtype if dtype is None else node.types.dtype(dtype), x.device)


@operator("RandomNormal")
def random_normal(
    node: Node,
    shape: Sequence[int],
    dtype: int = TensorProto.FLOAT,
    seed: float | None = None,
    mean: float = 0.0,
    scale: float = 1.0,
) -> Tensor:
    """Numbers of a normal distribution with this mean and standard deviation `scale`."""
    return _numbers(_generator(node, seed).normal(mean, scale, tuple(shape)), node.types.dtype(dtype))


@operator("RandomNormalLike")
def random_normal_like(
    node: Node, x: Tensor, dtype: int | None = None, seed: float | None = None, mean: float = 0.0, scale: float = 1.0
) -> Tensor:
    """The same in the shape of x."""
    drawn = _generator(node, seed).normal(mean, scale, tuple(x.shape))
    return _numbers(drawn, x.dtype if dtype is None else node.types.dtype(dtype), x.device)


def _generator(node: Node, seed: float | None) -> np.random.Generator:
    """numpy's, not torch's: vmap takes numbers that it did not draw itself, and no global state moves on."""
    start = zlib.crc32(" ".join(node.outputs).encode() if seed is None else struct.pack("<f", seed))
    return np.random.default_rng(start)


def _numbers(drawn: object, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    return torch.as_tensor(np.asarray(drawn)).to(device or "cpu", dtype)
