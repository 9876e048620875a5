"""One copy of the model on some machine of the cluster: opened once, then given one task after the other."""

import os
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError, ModelError, NotSupported, OutOfMemory, UsageError, VizError
from viz.core.model_options import ModelOptions
from viz.core.patch_use import PatchUse
from viz.core.recipe import Recipe
from viz.engine.ray.needs import set_torch_threads
from viz.engine.ray.same_model import Facts, check_same, facts_of, thread_variables
from viz.engine.ray.tally import TRIES, begun

# What is done with a task: from the model and the task to its result.
Work = Callable[[BatchedAdapter, Any], Any]


@dataclass(frozen=True)
class Setup:
    """All that a worker needs to know: how to open the model, what it has to be like, and the work."""

    open_model: Callable[[str, ModelOptions], Adapter]
    recipe: Recipe
    facts: Facts
    folder: str
    torch_threads: int
    batch: int | None
    work: Work
    workers: int
    tally: Any


@dataclass(frozen=True)
class Task:
    """Something to do: its number, what it is about for people, and what the work takes."""

    number: int
    about: str
    given: Any


@dataclass(frozen=True)
class Answer:
    """The result of a task or the problem that it ended with, and what the model said and did meanwhile."""

    result: Any
    problem: VizError | None
    forwards: int
    notes: tuple[str, ...]
    uses: tuple[PatchUse, ...] = ()


class Worker:
    """Made by Ray Data in a process of its own. A problem of the user's is an answer; only a bug is an exception."""

    def __init__(self, setup: Setup):
        self._setup = setup
        self._forwards = 0
        self._problem: VizError | None = None
        try:
            self._model = self._opened()
        except VizError as problem:
            self._problem = _sendable(problem)

    def __call__(self, batch: Any) -> Any:
        """One row in, one row out: a table of pyarrow with a `task`, and one with its `answer`, both pickled."""
        import pyarrow

        answer = self._answer(pickle.loads(batch["task"][0].as_py()))  # noqa: S301  # our own process wrote it
        return pyarrow.table({"answer": pyarrow.array([pickle.dumps(answer)], pyarrow.large_binary())})

    def _answer(self, task: Task) -> Answer:
        if self._problem is not None:
            return Answer(None, self._problem, 0, ())
        self._forwards = 0
        try:
            self._begin(f"task {task.number}", TRIES, f"over {task.about}")
            result, problem = self._setup.work(self._model, task.given), None
        except VizError as raised:
            result, problem = None, _sendable(raised)
        return Answer(result, problem, self._forwards, tuple(self._model.notes), tuple(self._model.patch_uses))

    def _opened(self) -> BatchedAdapter:
        self._begin("open", TRIES * self._setup.workers, "while opening the model")
        host = socket.gethostname()
        if Path(self._setup.folder).is_dir():  # relative names mean there what they mean here
            os.chdir(self._setup.folder)
        variables = thread_variables()  # as numpy has read them
        set_torch_threads(self._setup.torch_threads)
        try:
            model = self._setup.open_model(self._setup.recipe.spec, self._setup.recipe.options)
        except VizError as problem:
            shared = "the model has to be under the same name on all machines of the cluster"
            raise ModelError(f"on {host}: {problem.problem}", problem.next_step or shared) from None
        set_torch_threads(self._setup.torch_threads)
        check_same(self._setup.facts, facts_of(model, variables), host)
        self._setup.tally.end.remote("open")
        return BatchedAdapter(model, self._setup.batch, self._count)

    def _begin(self, work: str, most: int, what: str) -> None:
        import ray

        begun(ray, self._setup.tally, work, most, what)

    def _count(self, images: int) -> None:
        self._forwards += images


def _sendable(problem: VizError) -> VizError:
    """The same problem of the nearest class that pickling can rebuild."""
    kinds = (OutOfMemory, NotSupported, ModelError, ImageError, UsageError)
    kind = next((one for one in kinds if isinstance(problem, one)), VizError)
    return kind(problem.problem, problem.next_step)
