"""How often each piece of work was begun on the cluster: one that takes its worker down every time is given up."""

from collections import Counter
from typing import Any

from viz.core.errors import ModelError

TRIES = 4


class Tally:
    """An actor of Ray. Ray itself replaces a worker that died and tries its task again without end."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """Note that a worker begins with this; how many have done so and not come to an end."""
        self._begun[work] += 1
        return self._begun[work]

    def end(self, work: str) -> None:
        """Note that it came to an end."""
        self._begun[work] -= 1


def begun(ray: Any, tally: Any, work: str, most: int, what: str) -> None:
    """Begin with `work`, or raise `ModelError` saying `what` takes workers down where `most` have died of it."""
    if ray.get(tally.begin.remote(work)) > most:
        raise ModelError(
            f"workers of the cluster died again and again {what}",
            "where memory ran out, fewer --workers or a smaller --batch-size may help; what was finished is kept",
        )
