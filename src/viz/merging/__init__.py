"""The run folders of shards joined into the one that a run without shards leaves, byte for byte."""

from viz.merging.merge import MergeSummary, merge

__all__ = ["MergeSummary", "merge"]
