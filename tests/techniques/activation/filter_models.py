"""Small torch models with hand-made filters, behind any preprocessing, and their sheets."""

import numpy as np
import torch
from torch import nn

from tests.techniques.synthesis.making import made
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.preprocess import Preprocess
from viz.techniques.activation.filters import Filters

CAFFE = {"channels": "bgr", "range": (0, 255), "mean": (104, 117, 123), "std": (50.0, 60.0, 70.0)}


class Net(nn.Module):
    """A chain of layers, averaged over positions."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        x = self.layers(x)
        return x.mean((2, 3)) if x.ndim == 4 else x


def conv(weights, bias=0.1, **options):
    """A convolution with these weights (outputs, inputs / groups, rows, columns)."""
    weights = torch.from_numpy(np.array(weights, np.float32))
    groups = options.get("groups", 1)
    layer = nn.Conv2d(weights.shape[1] * groups, len(weights), tuple(weights.shape[2:]), **options)
    with torch.no_grad():
        layer.weight.copy_(weights)
        layer.bias.fill_(bias)
    return layer


def model(*layers, size=(24, 24), **preprocess):
    net = Net(*layers).eval()
    return TorchAdapter(net, ModelSource("net", "net.pt", "", "torch"), preprocess=Preprocess(size=size, **preprocess))


def drawn(model, **options):
    """The only picture of these options."""
    (picture,) = made(Filters(**options), model).values()
    return picture


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
