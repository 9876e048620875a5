"""Architectures of the literature in plain torch, scaled down, with all their structure: one file per family."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tests.architectures.alexnet import alexnet
from tests.architectures.convnext import convnext
from tests.architectures.crnn import CRNN
from tests.architectures.deeplab import DeepLab
from tests.architectures.densenet import DenseNet
from tests.architectures.detector import Detector
from tests.architectures.inception import googlenet, inception_v3
from tests.architectures.instance_and_group_norm import Style, group_norm
from tests.architectures.maxvit import maxvit
from tests.architectures.mobilenet import efficientnet, mobilenet_v2, mobilenet_v3
from tests.architectures.resnet import regnet, resnet_basic, resnet_bottleneck
from tests.architectures.shufflenet import shufflenet
from tests.architectures.spatial_transformer import spatial_transformer, spatial_transformer_affine
from tests.architectures.squeezenet import squeezenet
from tests.architectures.super_resolution import espcn
from tests.architectures.swin import Swin
from tests.architectures.unet import unet_bilinear, unet_transposed
from tests.architectures.vgg import VGG
from tests.architectures.vit import vit, vit_function


@dataclass(frozen=True)
class Architecture:
    """How to make a network, and the height and width of the images it is made for."""

    make: Callable[[], nn.Module]
    size: tuple[int, int]

    def network(self, seed: int = 0) -> nn.Module:
        """The network in evaluation mode, with the same weights in every run."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.make()
            _distinct_weights(module)
            _lifelike_statistics(module, self.images(8, seed + 1))
        return module.eval().requires_grad_(False)

    def images(self, count: int, seed: int = 7) -> Tensor:
        """Different images (count, 3, h, w) in the network's own range: mean 0, deviation 1."""
        return torch.randn(count, 3, *self.size, generator=torch.Generator().manual_seed(seed))


def _distinct_weights(module: nn.Module) -> None:
    """Convolutions that keep the signal's size; no two parameters alike, as after training.

    Exporters merge constants that are equal, which those of fresh networks are and those of real files are not.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() <= 1 or float(parameter.std()) == 0:
                parameter += 0.05 * torch.randn_like(parameter)


def _lifelike_statistics(module: nn.Module, images: Tensor) -> None:
    """Statistics of batch normalization from `images`, then slightly off, as they are on other images."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        module.train()(images)
    for norm in norms:
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.3)


ARCHITECTURES: dict[str, Architecture] = {
    "alexnet": Architecture(alexnet, (96, 96)),
    "vgg": Architecture(VGG, (32, 32)),
    "resnet-basic": Architecture(resnet_basic, (64, 64)),
    "resnet-bottleneck": Architecture(resnet_bottleneck, (64, 64)),
    "regnet": Architecture(regnet, (64, 64)),
    "mobilenet-v2": Architecture(mobilenet_v2, (64, 64)),
    "mobilenet-v3": Architecture(mobilenet_v3, (64, 64)),
    "efficientnet": Architecture(efficientnet, (64, 64)),
    "squeezenet": Architecture(squeezenet, (64, 64)),
    "densenet": Architecture(DenseNet, (64, 64)),
    "googlenet": Architecture(googlenet, (64, 64)),
    "inception-v3": Architecture(inception_v3, (75, 75)),
    "shufflenet-v2": Architecture(shufflenet, (64, 64)),
    "convnext": Architecture(convnext, (64, 64)),
    "vit": Architecture(vit, (48, 48)),
    "vit-function": Architecture(vit_function, (48, 48)),
    "swin": Architecture(Swin, (32, 32)),
    "maxvit": Architecture(maxvit, (32, 32)),
    "unet-transposed": Architecture(unet_transposed, (48, 48)),
    "unet-bilinear": Architecture(unet_bilinear, (48, 48)),
    "deeplab-v3": Architecture(DeepLab, (64, 64)),
    "detector": Architecture(Detector, (64, 64)),
    "spatial-transformer": Architecture(spatial_transformer, (32, 32)),
    "spatial-transformer-affine": Architecture(spatial_transformer_affine, (32, 32)),
    "espcn": Architecture(espcn, (32, 32)),
    "crnn": Architecture(CRNN, (32, 64)),
    "style": Architecture(Style, (32, 32)),
    "group-norm": Architecture(group_norm, (48, 48)),
}
