"""A network of VGG-16's form and hardly any width, as a torch module and as an ONNX file with the paper's names."""

from pathlib import Path

import numpy as np
import torch
from onnx import helper
from torch import nn

from tests.onnx_models import image_value, save

BLOCKS = (2, 2, 3, 3, 3)
WIDTH, SIDE = 4, 32


class Vgg(nn.Module):
    """Five blocks of 3x3 convolutions, each with a rectifier, ends of blocks pooled; three fully connected layers."""

    def __init__(self, blocks: tuple[int, ...] = BLOCKS) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        width = 3
        for count in blocks:
            for _ in range(count):
                layers += [nn.Conv2d(width, WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
                width = WIDTH
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(WIDTH, 8), nn.ReLU(inplace=True), nn.Linear(8, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).flatten(1))


def relu_of(block: int, number: int, blocks: tuple[int, ...] = BLOCKS) -> str:
    """The torch name of what the paper calls convBLOCK_NUMBER, after its rectifier."""
    before = sum(2 * count + 1 for count in blocks[: block - 1])
    return f"features.{before + 2 * (number - 1) + 1}"


def onnx_vgg(path: Path, blocks: tuple[int, ...] = BLOCKS, branch: bool = False) -> Path:
    """The same form as a file: tensors conv1_1, relu1_1, …, pool5; with `branch`, one sum goes around a block."""
    rng = np.random.default_rng(0)
    nodes, weights, last, width = [], {}, "image", 3
    for block, count in enumerate(blocks, 1):
        for number in range(1, count + 1):
            name = f"{block}_{number}"
            weights[f"w{name}"] = (rng.normal(size=(WIDTH, width, 3, 3)) / (3 * width**0.5)).astype(np.float32)
            nodes.append(helper.make_node("Conv", [last, f"w{name}"], [f"conv{name}"], pads=[1] * 4))
            nodes.append(helper.make_node("Relu", [f"conv{name}"], [f"relu{name}"]))
            last, width = f"relu{name}", WIDTH
        if branch and block == 2:
            nodes.append(helper.make_node("Add", [last, "relu2_1"], ["sum"]))
            last = "sum"
        nodes.append(helper.make_node("MaxPool", [last], [f"pool{block}"], kernel_shape=[2, 2], strides=[2, 2]))
        last = f"pool{block}"
    weights["head"] = rng.normal(size=(WIDTH, 5)).astype(np.float32)
    nodes += [helper.make_node("Flatten", [last], ["flat"]), helper.make_node("MatMul", ["flat", "head"], ["product"])]
    weights["bias"] = np.zeros(5, np.float32)
    nodes.append(helper.make_node("Add", ["product", "bias"], ["scores"]))  # no branch: a sum of vectors
    return save(path, nodes, [image_value("image", ["n", 3, SIDE, SIDE])], [image_value("scores", ["n", 5])], weights)
