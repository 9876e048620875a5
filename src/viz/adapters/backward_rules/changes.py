"""The account of what a rule did."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Changes:
    """What a rule did during one forward pass.

    Attributes:
        counts: operations whose way back it changed, by name: `{"relu": 17}`.
        refused: operations that it has no rule for; a gradient that reaches one raises `NotSupported`.
    """

    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
