"""The microscope: a run over a whole folder as a static site that shows every unit of every layer."""

from viz.report.microscope.site import write_microscope

__all__ = ["write_microscope"]
