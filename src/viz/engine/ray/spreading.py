"""Tasks spread over a cluster by Ray Data, and their answers as they come."""

import logging
import pickle
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from viz.core.errors import ModelError
from viz.engine.ray.needs import Needs
from viz.engine.ray.worker import Answer, Setup, Task, Worker

_MOST_BLOCKS = 10_000  # of tasks; Ray keeps books about each


def spread(ray: Any, tasks: Sequence[Task], setup: Setup, needs: Needs) -> Generator[Answer, None, None]:
    """The answers to all tasks, in any order; a worker that dies is replaced by Ray, and its tasks are done again.

    Raises `ModelError` where the cluster gives up.
    """
    if not tasks:
        return
    with _quiet(ray):
        rows = [{"task": pickle.dumps(task)} for task in tasks]
        blocks = min(len(rows), _MOST_BLOCKS)
        answers = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            Worker,
            fn_constructor_kwargs={"setup": setup},
            batch_size=1,
            batch_format="pyarrow",
            udf_modifying_row_count=False,
            compute=ray.data.ActorPoolStrategy(size=min(setup.workers, len(rows))),
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            runtime_env={"env_vars": needs.variables},
        )
        yield from _read(ray, answers)


def _read(ray: Any, answers: Any) -> Generator[Answer, None, None]:
    try:
        with closing(iter(answers.iter_rows())) as rows:
            for row in rows:
                yield pickle.loads(row["answer"])  # noqa: S301  # our own workers wrote it
    except ray.exceptions.RayTaskError:
        raise  # a bug, with its traceback
    except ray.exceptions.RayError as problem:
        raise ModelError(
            f"the Ray cluster gave up: {_first_line(problem)}",
            "what was finished is kept: the same command goes on from there",
        ) from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """Ray Data without words of its own: how far the run is, the listener is told."""
    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.print_on_execution_start, log.level
    context.enable_progress_bars, context.print_on_execution_start = False, False
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before[:2]
        log.setLevel(before[2])
