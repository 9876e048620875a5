"""Connecting to a Ray cluster: the one that was named, one that is running here, or this machine's own cores."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from viz.core.errors import UsageError
from viz.engine.ray.needs import Needs

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}  # what fails is raised as well


def imported() -> Any:
    """The module `ray`. Raises `UsageError` where it is not installed."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as problem:
        raise UsageError(f"--engine ray: {problem}", "pip install 'onnx-viz[ray]'") from None
    return ray


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """`ray`, connected; what was connected or started for this is let go of at the end. Raises `UsageError`."""
    ray = imported()
    if ray.is_initialized():
        _check_address(ray, address)
        yield ray
        return
    _connect(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    if address is not None and address.startswith("ray://"):
        raise UsageError(
            f"--address {address} is for Ray Client, which Ray Data does not go through",
            "run viz on a machine of the cluster with --address auto, or by `ray job submit`",
        )
    _check_reachable(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise _unreachable(address, problem) from None


def _check_reachable(address: str | None) -> None:
    """Raise `UsageError` where nothing answers at HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, OverflowError) as problem:
            raise _unreachable(address, problem) from None


def _unreachable(address: str | None, problem: Exception) -> UsageError:
    asked = "" if address is None else f" {address}"
    return UsageError(
        f"no Ray cluster{asked} could be reached: {problem}",
        "`ray start --head` starts one; --address local takes this machine alone",
    )


def _check_address(ray: Any, address: str | None) -> None:
    """A process is connected to one cluster at a time."""
    at = ray.get_runtime_context().gcs_address
    if address not in (None, "auto", at):
        raise UsageError(
            f"this process is connected to the Ray cluster {at} already, not to {address}", "ray.shutdown()"
        )


def room(ray: Any, needs: Needs) -> int:
    """How many workers the cluster has room for. Raises `UsageError` where no machine is large enough for one."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    found = sum(_fitting(machine, needs) for machine in machines)
    if found == 0:
        largest = max((int(machine.get("CPU", 0)) for machine in machines), default=0)
        raise UsageError(
            f"a worker takes {needs.words}, as the model does here, and no machine of the cluster has that "
            f"(the largest has {largest} cores)",
            f"--threads {max(1, largest)}, and OMP_NUM_THREADS={max(1, largest)} for gradients of ONNX files: "
            "the same number of threads gives the same bytes",
        )
    return found


def _fitting(machine: dict[str, float], needs: Needs) -> int:
    by_cpu = int(machine.get("CPU", 0) // needs.cpus)
    return by_cpu if needs.gpus == 0 else min(by_cpu, int(machine.get("GPU", 0) // needs.gpus))
