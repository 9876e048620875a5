"""Run folders -> static HTML pages that open from disk: one run's gallery, or a batch's table."""

from viz.report.combined_page import CombinedColumn, write_combined
from viz.report.run_page import write_report

__all__ = ["CombinedColumn", "write_combined", "write_report"]
