"""One neuron as three flags, which say what `--target LAYER:CHANNEL@Y,X` says in one text."""

import re
from dataclasses import dataclass
from typing import Annotated

from viz.core.errors import UsageError
from viz.core.options import Opt


@dataclass(frozen=True, kw_only=True)
class NeuronOptions:
    """A layer's channel, or one of its positions."""

    layer: Annotated[str | None, Opt("Explain a neuron of this layer; with --channel.", metavar="NAME")] = None
    channel: Annotated[int | None, Opt("The layer's channel: its mean over positions, or see --at.", min=0)] = None
    at: Annotated[str | None, Opt("Row and column of one position of the channel.", metavar="Y,X")] = None

    @property
    def target(self) -> str | None:
        """The same as the text of a target; None where no flag is given. Raises `UsageError` for parts of one."""
        if self.layer is None:
            if self.channel is None and self.at is None:
                return None
            raise UsageError("--channel and --at say where in a layer, and no layer is named", "add --layer NAME")
        if self.channel is None:
            raise UsageError(
                f"--layer {self.layer} names no neuron yet",
                f"add --channel C, or explain the whole layer: --target {self.layer}:norm",
            )
        if self.at is None:
            return f"{self.layer}:{self.channel}"
        if not (match := re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", self.at)):
            raise UsageError(f"--at {self.at} is not a row and a column", "for example --at 6,8")
        return f"{self.layer}:{self.channel}@{match[1]},{match[2]}"

    def or_target(self, target: str, both_given: bool) -> str:
        """The text that these flags and `--target` mean together.

        `both_given`: somebody wrote both; then they have to say the same, or it is a `UsageError`.
        """
        mine = self.target
        if mine is not None and both_given and target.strip() != mine:
            raise UsageError(f"--target {target} and {self._written()} say different things", "leave one of them out")
        return mine or target

    def _written(self) -> str:
        flags = {"--layer": self.layer, "--channel": self.channel, "--at": self.at}
        return " ".join(f"{flag} {value}" for flag, value in flags.items() if value is not None)
