"""What a microscope shows beside patches: links between channels by weight, filters, images made for a unit."""

from viz.microscope.beside import show_beside
from viz.microscope.choices import of_this_model, units_to_make, weighted_layers
from viz.microscope.filters import draw_filters
from viz.microscope.links import links
from viz.microscope.maximized import maximized

__all__ = ["draw_filters", "links", "maximized", "of_this_model", "show_beside", "units_to_make", "weighted_layers"]
