"""Run folders -> static HTML pages that open from disk: one run's, a batch's, an evaluation's, a survey's."""

from viz.report.combined_page import CombinedColumn, write_combined
from viz.report.evaluation_page import write_evaluation
from viz.report.microscope import write_microscope
from viz.report.run_page import write_report

__all__ = ["CombinedColumn", "write_combined", "write_evaluation", "write_microscope", "write_report"]
