"""Options of `viz style` that cannot be or cannot go together: said before anything is made."""

from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.techniques.synthesis._given_picture import given_photo
from viz.techniques.synthesis._style_layers import content_layers, style_layers

if TYPE_CHECKING:
    from viz.techniques.synthesis.style import Style


def check_style(asked: "Style", model: Adapter) -> None:
    """Raise `UsageError` naming the flag at fault; what `style_layers` raises for layers that the model has not."""
    if not asked.style:
        raise UsageError("no style is given", "add --style PAINTING.jpg")
    if asked.style_share and len(asked.style_share) != len(asked.style):
        problem = f"{len(asked.style_share)} shares for {len(asked.style)} style pictures"
        raise UsageError(problem, "give --style-share once for each --style, or not at all")
    if asked.style_share and not sum(asked.style_share) > 0:
        raise UsageError("all --style-share are 0", "give at least one above 0")
    if asked.content_weight == 0 == asked.style_weight:
        raise UsageError("--content-weight and --style-weight are both 0", "give one of them a weight above 0")
    for path in asked.style:
        given_photo("--style", path)
    content_layers(model, asked.content_layer)
    style_layers(model, asked.style_layer)
