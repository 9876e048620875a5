"""Fixtures for all tests, and which cases property tests try.

By default always the same ones, so that a change is judged by itself; HYPOTHESIS_PROFILE=explore looks for others.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.conformance.registry import CONVERTERS

settings.register_profile("repeatable", derandomize=True, print_blob=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_addoption(parser):
    group = parser.getgroup("conformance", "ONNX's backend suite: pytest -m conformance")
    group.addoption("--converter", choices=CONVERTERS, default="ours", help="whose figures to print (default: ours)")
    group.addoption("--outcomes", metavar="FILE", help="--outcomes=FILE: write every case's outcome as JSON lines")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real models and photographs beside the checkout; tests that need them are marked `shared`."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real models here: {folder} is missing")
    return folder


@pytest.fixture
def put_operator(monkeypatch):
    """Puts another function in the place of an ONNX operator's: `put_operator("Relu", lambda node, x: …)`."""
    from viz.adapters.onnx_torch import operator_table, operators

    assert operators, "importing them fills the table"

    def put(operator, function, since=1):
        monkeypatch.setitem(operator_table._table[("", operator)], since, function)

    return put
