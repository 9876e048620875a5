"""A small survey whose every figure can be worked out by hand: which images are brightest in red, green and blue."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from viz.core.adapter import Adapter
from viz.core.options import Opt
from viz.core.surveying import Cut, Found, Plan, Seen, State, Unit, Window
from viz.core.technique import TechniqueInfo, declared

COLOURS = ("red", "green", "blue")


def brightness_survey(images_per_call: int = 2) -> Any:
    """A survey, not registered: a fresh class at every call, whose `calls` has the names of the images of each call.

    It is stopped by Ctrl-C, or by any other `problem`, at an image whose name is `stops_at`.
    """

    class Brightness:
        """The brightest image for each colour."""

        shift: Annotated[int, Opt("Added to every value.", min=0)] = 0

        calls: ClassVar[list[list[str]]] = []
        stops_at: ClassVar[str] = ""
        problem: ClassVar[type[BaseException]] = KeyboardInterrupt

        def plan(self, model: Adapter, classes: Sequence[str]) -> Mapping[str, Any]:
            """The classes, and the model's size."""
            return {"classes": list(classes), "size": list(model.size)}

        def begin(self, plan: Plan) -> State:
            """No image."""
            return {
                "best": np.full((3, 2), -1, np.int64),  # brightness in whole levels, and minus the image
                "sums": np.zeros(3, np.int64),
                "classes": np.zeros(len(plan["classes"]), np.int64),
            }

        def add(self, model: Adapter, plan: Plan, state: State, images: Sequence[Seen]) -> State:
            """As the contract has it."""
            type(self).calls.append([image.name for image in images])
            for image in images:
                if image.name == self.stops_at:
                    raise self.problem("stopped")
                model.run(image.pixels[None], ["pixels"])
                levels = np.rint(image.pixels.mean(axis=(1, 2)) * 255).astype(np.int64) + self.shift
                one = dict(self.begin(plan))
                one["best"] = np.stack([levels, np.full(3, -image.index)], axis=1)
                one["sums"] = levels
                if image.truth is not None:
                    one["classes"] = np.eye(len(plan["classes"]), dtype=np.int64)[image.truth]
                state = self.merge(plan, state, one)
            return state

        def merge(self, plan: Plan, left: State, right: State) -> State:
            """The brighter one of each colour; of two alike, the earlier."""
            pairs = [max(a, b) for a, b in zip(left["best"].tolist(), right["best"].tolist(), strict=True)]
            return {
                "best": np.array(pairs, np.int64),
                "sums": left["sums"] + right["sums"],
                "classes": left["classes"] + right["classes"],
            }

        def findings(self, plan: Plan, state: State) -> Iterator[Found]:
            """One layer of three units."""
            height, width = plan["size"]
            units = []
            for channel, (level, image) in enumerate(state["best"].tolist()):
                cut = Cut(-image, float(level), Window(0, 0, height, width))
                units.append(Unit(channel, {"sum": int(state["sums"][channel])}, (cut,) if level >= 0 else ()))
            yield Found("colours", {"op": "Mean", "shape": [3]}, units)

        def passes(self, size: tuple[int, int]) -> int:
            """One."""
            return 1

    found = declared(Brightness)
    found.info = TechniqueInfo(
        "brightness", "activation", "The brightest.", "none", False, images_per_call, {}, surveys=True
    )
    return found
