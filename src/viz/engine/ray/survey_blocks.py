"""Some chunks of a survey folded into a state of their own on a worker, to be merged with the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viz.core.batching import BatchedAdapter
from viz.core.surveying import Plan, State
from viz.engine.loading import Loader
from viz.engine.run_folder import Record
from viz.engine.surveys import Chunk, SurveyJob, gather_here

_BLOCKS_PER_WORKER = 16  # enough to share the work out evenly, and to lose little with a worker
_MOST_CHUNKS = 64


@dataclass(frozen=True)
class SurveyBlock:
    """Chunks that are folded together: their numbers, the records of their images, and their state."""

    chunks: tuple[int, ...]
    records: list[Record]
    state: State


@dataclass(frozen=True)
class SurveyWork:
    """What is done with a list of chunks; see `viz.engine.surveys.SurveyJob`."""

    technique: Any
    plan: Plan
    loader: Loader
    classes: tuple[str, ...]
    fail_fast: bool

    def __call__(self, model: BatchedAdapter, chunks: Sequence[Chunk]) -> SurveyBlock:
        """Fold them, beginning with no image. Raises `ModelError`, and `ImageError` with `fail_fast`."""
        job = SurveyJob(self.technique, model, self.plan, self.loader, self.classes, self.fail_fast)
        state, records = self.technique.begin(self.plan), []
        for progress in gather_here(job, chunks, state):
            state = progress.state
            records += progress.records
        return SurveyBlock(tuple(chunk.number for chunk in chunks), records, state)


def blocks(chunks: Sequence[Chunk], workers: int) -> list[list[Chunk]]:
    """Chunks that travel together: a state is sent for each block, and may be larger than the images."""
    size = min(_MOST_CHUNKS, max(1, len(chunks) // (workers * _BLOCKS_PER_WORKER)))
    return [list(chunks[start : start + size]) for start in range(0, len(chunks), size)]
