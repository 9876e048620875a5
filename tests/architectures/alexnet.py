"""AlexNet (Krizhevsky et al. 2012): large strided kernels, response normalization, grouped convolutions, dropout."""

from torch import nn

from tests.architectures.parts import CLASSES


def alexnet() -> nn.Module:
    """For 96 x 96: 11 x 11 at stride 4, overlapping pools, three fully connected layers."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.LocalResponseNorm(5, alpha=1e-2, beta=0.75, k=2.0),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(16, 32, 5, padding=2, groups=2),
        nn.ReLU(inplace=True),
        nn.LocalResponseNorm(5, alpha=1e-2, beta=0.75, k=2.0),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(32, 48, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(48, 32, 3, padding=1, groups=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(32 * 2 * 2, 64),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(64, 64),
        nn.ReLU(inplace=True),
        nn.Linear(64, CLASSES),
    )
