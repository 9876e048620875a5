"""A real Ray cluster of two cores on this machine, one for all tests that ask for it."""

import logging
import os

import pytest


@pytest.fixture(scope="session")
def two_cores():
    """`ray`, connected to a cluster of this machine with room for two workers of one thread each."""
    pytest.importorskip("ray.data", reason="Ray is not installed: pip install 'onnx-viz[ray]'")
    from viz.engine.ray.connecting import imported

    ray = imported()
    before = os.environ.pop("RAY_ADDRESS", None)
    try:
        ray.init(
            "local",
            num_cpus=2,
            object_store_memory=100_000_000,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as problem:  # a machine without shared memory or open ports; what is tested begins after this
        pytest.skip(f"no Ray cluster can be started on this machine: {problem}")
    yield ray
    ray.shutdown()
    if before is not None:
        os.environ["RAY_ADDRESS"] = before
