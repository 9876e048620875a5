"""Options of `viz dream` that cannot be, cannot go together or would do nothing: said before anything is made."""

from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.techniques.synthesis._canvas import size_of
from viz.techniques.synthesis._given_picture import given_photo
from viz.techniques.synthesis._wanted_neurons import position

if TYPE_CHECKING:
    from viz.techniques.synthesis.dream import Dream


def check_dream(asked: "Dream", model: Adapter) -> None:
    """Raise `UsageError` naming the flag at fault, or `UnknownName` for a layer that there is not."""
    _check_place(asked)
    if asked.layer is not None:
        model.layer(asked.layer)
    size_of(asked.tile, model.size, "--tile")
    if asked.zoom_by is not None and not asked.zoom:
        raise UsageError(f"--zoom-by {asked.zoom_by:g} is of a zoom, and there is none", "add --zoom 60")
    if asked.guide:
        given_photo("--guide", asked.guide)


def _check_place(asked: "Dream") -> None:
    if asked.channel is not None and asked.guide:
        raise UsageError("--channel and --guide say different things", "a guide uses the whole layer")
    if asked.channel is not None and asked.layer is None:
        raise UsageError(f"--channel {asked.channel} is of a layer, and none is named", "add --layer NAME")
    if asked.at is None:
        return
    position(asked.at)
    if asked.channel is None:
        raise UsageError(f"--at {asked.at} is a position of a channel, and none is named", "add --channel C")
    if asked.jitter:
        raise UsageError(f"--jitter {asked.jitter} moves what --at {asked.at} looks at", "leave one of them out")
