"""Functions run in child processes, a new child taking the place of one that died or hung."""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

STARTING = 300.0  # seconds: importing torch and generating the cases, on a busy machine


class Died(Exception):
    """The child ended before it answered: a native crash, or it was killed for its memory."""


class TimedOut(Exception):
    """The child did not answer in time and was ended."""


class Failed(Exception):
    """The function raised; the message is the child's traceback."""


class ChildPool:
    """Calls functions, at most `workers` at a time, each call for `timeout` seconds at most.

    A call's future raises `Failed`, `Died` or `TimedOut` where there is no answer. Functions and arguments are
    pickled. `prepare(*prepare_with)` is called once in each new child and its time is not counted.
    """

    def __init__(self, workers: int, timeout: float, prepare: Callable[..., Any], *prepare_with: Any):
        self._threads = ThreadPoolExecutor(workers)
        self._timeout = timeout
        self._prepare = (prepare, prepare_with)
        self._own = threading.local()
        self._children: list[_Child] = []
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Queue a call."""
        return self._threads.submit(self._call, function, arguments)

    def close(self) -> None:
        """End everything, calls that are running included."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            for child in self._children:
                child.end()
        self._threads.shutdown(wait=True)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        child = getattr(self._own, "child", None)
        if child is None:
            child = self._own.child = self._started()
        try:
            return child.call(function, arguments, self._timeout)
        except (Died, TimedOut):
            child.end()
            self._own.child = None
            raise

    def _started(self) -> "_Child":
        with self._lock:
            if self._closed:
                raise Died("the pool was closed")
            child = _Child()
            self._children.append(child)
        child.call(*self._prepare, STARTING)
        return child


class _Child:
    def __init__(self) -> None:
        # Not a fork: the parent may hold threads of torch or onnxruntime, which a forked child would wait for.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...], timeout: float) -> Any:
        try:
            self._connection.send((function, arguments))
            if not self._connection.poll(timeout):
                raise TimedOut(f"no answer in {timeout:g} seconds")
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as gone:
            self._process.join(5)
            raise Died(f"the child process ended with {self._process.exitcode}") from gone
        if not succeeded:
            raise Failed(answer)
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection) -> None:
    _silence()
    with suppress(EOFError):  # the parent hung up: all is done
        while True:
            function, arguments = connection.recv()
            try:
                answer = (True, function(*arguments))
            except Exception:
                answer = (False, traceback.format_exc())
            connection.send(answer)


def _silence() -> None:
    # What converters and native libraries print would land in the middle of pytest's output.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(nowhere, stream.fileno())
