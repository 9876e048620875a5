"""VGG (Simonyan and Zisserman 2015): 3 x 3 convolutions in groups, halved by max pooling, a wide classifier."""

from torch import Tensor, nn

from tests.architectures.parts import CLASSES

# Channels of each convolution; 0 stands for a pool. Configuration D, an eighth as wide and with fewer repeats.
PLAN = (8, 8, 0, 16, 16, 0, 24, 24, 24, 0, 32, 32, 0, 32, 32, 0)


class VGG(nn.Module):
    """For 32 x 32; without normalization."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for after in PLAN:
            if after:
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                before = after
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(before, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))
