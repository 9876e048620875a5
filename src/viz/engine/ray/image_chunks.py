"""A chunk of images through a per-image technique on a worker: files and records as the local engine writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viz.core.batching import BatchedAdapter
from viz.core.discovery import ImageFile
from viz.core.target import ScoreKind
from viz.engine.job import Job
from viz.engine.loading import Loader, read_ahead
from viz.engine.local import commit, outcomes_of
from viz.engine.ray.memory_folder import MemoryFolder
from viz.engine.records import Record


@dataclass(frozen=True)
class ImageTask:
    """A chunk of images, and the records of those that an earlier attempt has done."""

    files: Sequence[ImageFile]
    before: dict[str, Record]


@dataclass(frozen=True)
class ImageResult:
    """A chunk's files by name, its records in order, the names of those that are new or made again, and to be added."""

    files: dict[str, bytes]
    records: list[Record]
    fresh: frozenset[str]
    added: list[Record]


@dataclass(frozen=True)
class ImageWork:
    """What is done with an `ImageTask`; see `viz.engine.job.Job`."""

    technique: Any
    target: str
    score: ScoreKind
    loader: Loader

    def __call__(self, model: BatchedAdapter, task: ImageTask) -> ImageResult:
        """Files that are still what they were are left alone. Raises `ModelError`."""
        job = Job(self.technique, model, self.target, self.score, self.loader)
        sha256 = {name: record.get("sha256") for name, record in task.before.items()}
        (loaded,) = read_ahead([task.files], lambda file: self.loader.load(file, sha256.get(file.name)))
        outcomes = outcomes_of(job, loaded)
        folder = MemoryFolder()
        records = commit(job, loaded, outcomes, task.before, folder)
        return ImageResult(folder.files, records, frozenset(outcomes), folder.added)
