"""`viz verify` as a user types it: exit codes, the table, JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.nn import functional

from tests.adapters.onnx_runtime.small_files import fake_quantized, quantized_convolution
from tests.cli.shell import viz
from tests.onnx_models import conv_net

Put = Callable[..., None]


def test_the_built_in_model_holds_without_an_image() -> None:
    done = viz("verify", "--model", "zoo:shapes", "--directions", "2")
    assert done.code == 0, done.said
    assert "the certificate holds" in done.said
    rows = done.out.splitlines()
    assert sum(row.startswith("gradient of") and "holds" in row for row in rows) == 4
    assert any(row.startswith("forward,") and "holds" in row for row in rows)
    assert "all torch functions" in done.out


def test_json_goes_to_stdout_alone(tmp_path: Path) -> None:
    path = conv_net(tmp_path / "net.onnx")
    done = viz("verify", "--model", str(path), "--preprocess", "unit", "--format", "json")
    record: dict[str, Any] = json.loads(done.out)
    assert done.code == 0
    assert record["holds"] is True
    assert record["forward"]["worst"]["difference"] < 1e-5
    assert len(record["gradients"]) == 4 and len(record["gradients"][0]["by_gradient"]) == 4


def test_a_wrong_operator_ends_in_1_and_the_first_wrong_layer_is_named(tmp_path: Path, put_operator: Put) -> None:
    put_operator("Relu", lambda node, x: functional.relu(x) * 1.1)
    done = viz("verify", "--model", str(conv_net(tmp_path / "net.onnx")), "--preprocess", "unit")
    assert done.code == 1
    assert "first layer that differs relu (Relu): 0.1" in " ".join(done.out.split())
    assert "the certificate does not hold" in done.said
    assert "gradient of" not in done.out


def test_a_network_with_roundings_holds_and_they_are_counted(tmp_path: Path) -> None:
    done = viz("verify", "--model", str(fake_quantized(tmp_path / "net.onnx")), "--preprocess", "unit")
    assert done.code == 0
    assert "gradients pass straight through: QuantizeLinear" in done.said
    assert "each operation by itself" in done.out
    assert "without its roundings" in " ".join(done.out.split())


def test_a_network_of_integers_ends_in_1_with_the_operation_and_what_works(tmp_path: Path) -> None:
    done = viz("verify", "--model", str(quantized_convolution(tmp_path / "net.onnx")), "--preprocess", "unit")
    assert done.code == 1
    assert "the path ends at QLinearConv 'conv1'" in done.said
    assert "these need none: viz occlusion" in done.said
    assert "holds" in done.out  # the forward pass does


def test_a_model_that_does_not_run_ends_in_3(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no model")
    assert viz("verify", "--model", str(tmp_path / "net.onnx")).code == 3


def test_an_image_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    done = viz("verify", "--model", "zoo:shapes", str(tmp_path / "gone.jpg"))
    assert done.code == 2
    assert "gone.jpg" in done.said


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_seed_decides_the_directions(tmp_path: Path, seed: str) -> None:
    path = str(conv_net(tmp_path / "net.onnx"))
    words = ("verify", "--model", path, "--preprocess", "unit", "--format", "json", "--directions", "1")
    first, again, other = (json.loads(viz(*words, "--seed", s).out) for s in (seed, seed, "7"))
    assert first == again
    assert first["gradients"][0]["by_gradient"] != other["gradients"][0]["by_gradient"]
