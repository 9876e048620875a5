"""Small helpers for the tests of torch models."""

import numpy as np
import torch
from torch import nn

from tests.networks import SIZE
from viz.adapters.torch_loading.files import load_torch
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess


def adapter(module, size=SIZE, **options) -> TorchAdapter:
    """The module on pixels as they are: what it gets is the image itself."""
    return TorchAdapter(module, ModelSource("net", "net", "", "torch"), preprocess=Preprocess(size=size), **options)


def pixels(count=2, size=SIZE, seed=1):
    return np.random.default_rng(seed).random((count, 3, *size), np.float32)


def forward(function, images):
    """What plain torch gives for these images."""
    with torch.no_grad():
        return function(torch.from_numpy(images)).numpy()


def read(model, name, images):
    return model.run(images, [name])[name]


def opened(spec, **options):
    """The model on 32x32 pixels as they are, unless the options say otherwise."""
    return load_torch(str(spec), ModelOptions(**{"preprocess": "unit", "size": "32", **options}))


def same_scores(model, net):
    """The adapter gives what plain torch does."""
    images = pixels()
    np.testing.assert_allclose(read(model, "output", images), forward(net, images), atol=1e-5)


def saved(value, path):
    """torch.save, giving the path."""
    torch.save(value, path)
    return path


class Wrapped(nn.Module):
    """A network and what comes after its scores."""

    def __init__(self, net, after):
        super().__init__()
        self.net, self.after = net, after

    def forward(self, x):
        return self.after(self.net(x))
