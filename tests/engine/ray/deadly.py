"""Techniques that take their process down, for tests of what a cluster does then. Workers import this module."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ModelError
from viz.core.options import Opt
from viz.core.result import HeatMap
from viz.core.technique import TechniqueInfo, declared


@declared
class Deadly:
    """The image's brightness; the process is killed where the marks say so."""

    marks: Annotated[str, Opt("A folder: each file in it kills one process.")] = ""
    always: Annotated[bool, Opt("Kill every process.")] = False
    fails: Annotated[bool, Opt("Fail as a model does.")] = False

    def __call__(self, model: Adapter, images: Any, targets: Sequence[Any]) -> list[HeatMap]:
        """As every technique."""
        if self.fails:
            raise ModelError("the model does not like these images", "show it others")
        if self.always or self._taken():
            os.kill(os.getpid(), signal.SIGKILL)
        return [HeatMap({"heat": image.mean(axis=0)}, {"score": float(np.mean(image))}) for image in images]

    def _taken(self) -> bool:
        """Whether one of the marks was there for this process alone."""
        for mark in sorted(Path(self.marks).glob("*")) if self.marks else ():
            try:
                mark.unlink()
            except FileNotFoundError:
                continue
            return True
        return False


Deadly.info = TechniqueInfo("deadly", "yours", "Brightness.", "none", False, 2, {})
