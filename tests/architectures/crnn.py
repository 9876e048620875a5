"""CRNN (Shi et al. 2017), which reads text: columns of a convolutional network, then an LSTM in both directions."""

import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import Tensor, nn

from tests.architectures.parts import ConvNorm


class CRNN(nn.Module):
    """For 32 x 64 -> (b, 16, 11): log-probabilities of characters, column by column."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = nn.Sequential(
            ConvNorm(3, 8), nn.MaxPool2d(2), ConvNorm(8, 16), nn.MaxPool2d(2), ConvNorm(16, 16), nn.AvgPool2d((8, 1))
        )
        self.read = nn.LSTM(16, 12, bidirectional=True)
        self.characters = nn.Linear(24, 11)

    def forward(self, x: Tensor) -> Tensor:
        columns = self.columns(x).squeeze(2).permute(2, 0, 1)
        read, _ = self.read(columns)
        return F.log_softmax(self.characters(read), -1).permute(1, 0, 2)
