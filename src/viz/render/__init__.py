"""Results as pictures: heat over photos, contact sheets, line plots, animations. Pixels in, pixels or bytes out."""

from viz.render.animations import animation_bytes
from viz.render.curves import curve
from viz.render.further import class_map, further_pictures, signed_colours
from viz.render.overlays import overlay, picture
from viz.render.sheets import sheet, side_by_side

__all__ = [
    "animation_bytes",
    "class_map",
    "curve",
    "further_pictures",
    "overlay",
    "picture",
    "sheet",
    "side_by_side",
    "signed_colours",
]
