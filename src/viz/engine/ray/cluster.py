"""The engine: the chunks of a run or of a survey on a cluster, their results kept here as they come."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import ImageFile
from viz.core.errors import NotSupported
from viz.core.model_options import ModelOptions
from viz.core.recipe import Recipe
from viz.core.run_options import EngineOptions
from viz.core.surveying import State
from viz.engine.job import Job
from viz.engine.listener import Listener
from viz.engine.loading import Loader
from viz.engine.local import finished, settle, stop_at_failure
from viz.engine.ray.connecting import connected, imported, room
from viz.engine.ray.image_chunks import ImageResult, ImageTask, ImageWork
from viz.engine.ray.needs import Needs, needs_of, options_there
from viz.engine.ray.same_model import Facts, facts_of
from viz.engine.ray.spreading import spread
from viz.engine.ray.survey_blocks import SurveyWork, blocks
from viz.engine.ray.tally import Tally
from viz.engine.ray.worker import Answer, Setup, Task, Work
from viz.engine.records import Record
from viz.engine.run_folder import RunFolder, chunks
from viz.engine.surveys import Chunk, Progress, SurveyJob

OpenModel = Callable[[str, ModelOptions], Adapter]


@dataclass(frozen=True)
class Cluster:
    """Copies of one model on a Ray cluster. Connects when there is something to do, and lets go afterwards."""

    open_model: OpenModel
    recipe: Recipe
    facts: Facts
    needs: Needs
    options: EngineOptions

    def process(self, job: Job, files: Sequence[ImageFile], folder: RunFolder, listener: Listener) -> list[Record]:
        """As `viz.engine.local.process`, to the last byte; chunks are settled in the order in which they come back."""
        groups = chunks(files, job.technique.info.images_per_call)
        before = finished(folder, groups)
        tasks = [_image_task(number, group, before) for number, group in enumerate(groups)]
        work = ImageWork(job.technique, job.target, job.score, _sendable(job.loader))
        settled: dict[str, Record] = {}
        with connected(self.options.address) as ray, closing(self._spread(ray, lambda _: tasks, work)) as answers:
            for answer in answers:
                records = _kept(_result(answer, job.model), folder, before)
                settle(records, before, settled, listener)
                stop_at_failure(job, settled)
        return [settled[file.name] for file in files]

    def gather(self, job: SurveyJob, chunks: Sequence[Chunk], state: State) -> Iterator[Progress]:
        """See `viz.engine.surveys.Gather`: blocks of chunks folded by workers, merged here as they come."""
        work = SurveyWork(job.technique, job.plan, _sendable(job.loader), job.classes, job.fail_fast)

        def tasks(workers: int) -> list[Task]:
            return [_survey_task(number, block) for number, block in enumerate(blocks(chunks, workers))]

        with connected(self.options.address) as ray, closing(self._spread(ray, tasks, work)) as answers:
            for answer in answers:
                block = _result(answer, job.model)
                state = job.technique.merge(job.plan, state, block.state)
                yield Progress(block.chunks, block.records, state)

    def _spread(self, ray: Any, tasks: Callable[[int], Sequence[Task]], work: Work) -> Generator[Answer, None, None]:
        workers = self.options.workers or room(ray, self.needs)
        setup = Setup(
            open_model=self.open_model,
            recipe=self.recipe,
            facts=self.facts,
            folder=os.getcwd(),  # noqa: PTH109  # what os.chdir takes there
            torch_threads=self.needs.torch_threads,
            batch=self.options.batch,
            work=work,
            workers=workers,
            tally=ray.remote(Tally).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote(),
        )
        return spread(ray, tasks(workers), setup, self.needs)


def cluster(model: Adapter, needs_gradient: bool, open_model: OpenModel, options: EngineOptions) -> Cluster:
    """The cluster that `options` name, for one model. Nothing is connected yet.

    Raises `UsageError` where Ray is not installed, `NotSupported` for a model that cannot be opened elsewhere.
    """
    imported()
    if model.recipe is None:
        raise NotSupported(
            f"{model.source.name} ({model.source.runtime}) is a model of this process, and workers of a cluster "
            "have to open it again",
            "give it as a file, zoo:NAME, torchvision:NAME or package.module:factory, or use engine='local'",
        )
    recipe = replace(model.recipe, options=options_there(model, model.recipe.options))
    return Cluster(open_model, recipe, facts_of(model), needs_of(model, needs_gradient), options)


def _image_task(number: int, group: Sequence[ImageFile], before: dict[str, Record]) -> Task:
    done = {file.name: before[file.name] for file in group if file.name in before}
    return Task(number, _named(group), ImageTask(group, done))


def _survey_task(number: int, block: Sequence[Chunk]) -> Task:
    return Task(number, _named([numbered.file for chunk in block for numbered in chunk.files]), block)


def _named(files: Sequence[ImageFile]) -> str:
    more = f" to {files[-1].name}" if len(files) > 1 else ""
    return f"the {len(files)} image(s) {files[0].name}{more}"


def _sendable(loader: Loader) -> Loader:
    """Without photos that are shared in this process."""
    return Loader(loader.preprocess, loader.background, loader.max_pixels)


def _result(answer: Answer, model: Adapter) -> Any:
    """What a worker found; raises what it ended with."""
    if isinstance(model, BatchedAdapter):
        model.ran_elsewhere(answer.forwards, answer.notes, answer.uses)
    if answer.problem is not None:
        raise answer.problem
    return answer.result


def _kept(result: ImageResult, folder: RunFolder, before: dict[str, Record]) -> list[Record]:
    """Write a chunk into the run's folder: the files first, then the records, as the local engine does."""
    for name, data in result.files.items():
        folder.write(name, data)
    if result.added:
        folder.append(result.added)
    return [one if one["name"] in result.fresh else before[one["name"]] for one in result.records]
