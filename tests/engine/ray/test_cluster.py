"""Runs on a real Ray cluster: the same bytes as on this machine, whatever happens to a worker."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.ray.deadly import Deadly
from tests.fakes import LinearModel
from viz.core.errors import ImageError, ModelError, NotSupported, UsageError
from viz.core.model_options import ModelOptions
from viz.core.run_options import RunOptions, SurveyOptions
from viz.core.technique import find
from viz.engine.listener import Listener
from viz.model_zoo.shape_pictures import draw
from viz.models import open_model
from viz.runs import run

ONE = ModelOptions(threads=1, device="cpu")


@pytest.fixture(scope="module")
def shapes():
    return open_model("zoo:shapes", ONE)


@pytest.fixture(autouse=True)
def one_thread():
    """As many threads of torch here as the cores that a worker can have."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(draw(number).pixels).save(folder / f"{number:03d}.png")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file's hash, but for run.json, which holds timings."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "run.json"]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def recorded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def both(technique: Any, model: Any, source: Path, out: Path, **options: Any) -> None:
    """The same run here and on the cluster."""
    run(technique, model, [source], RunOptions(out=str(out / "here"), **options))
    run(technique, model, [source], RunOptions(out=str(out / "there"), engine="ray", **options))


@pytest.mark.parametrize("name", ["occlusion", "rise"])  # the second one sums in an order that threads decide
def test_a_run_on_the_cluster_is_the_local_one_byte_for_byte(name, shapes, two_cores, tmp_path):
    technique = find(name)
    both(technique(**technique.info.smoke), shapes, photos(tmp_path / "in", 11), tmp_path)
    assert len(contents(tmp_path / "here")) >= 34
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    here, there = recorded(tmp_path / "here"), recorded(tmp_path / "there")
    assert there["complete"]
    assert there["identity"] == here["identity"]
    assert there["timings"]["forward_passes"] == here["timings"]["forward_passes"] > 0


def test_a_torch_model_gives_the_local_bytes_too(two_cores, tmp_path):
    model = open_model("zoo:shapes-torch", ONE)
    both(find("saliency")(), model, photos(tmp_path / "in", 4), tmp_path)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_broken_images_are_recorded_as_they_are_here(shapes, two_cores, tmp_path):
    source = photos(tmp_path / "in", 5)
    (source / "001.png").write_bytes(b"no picture")
    (source / "labels.json").write_text('{"000.png": "circle", "002.png": "no such class"}')
    both(Deadly(), shapes, source, tmp_path, target="label")
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    statuses = [json.loads(line)["status"] for line in (tmp_path / "there/results.jsonl").read_text().splitlines()]
    assert statuses == ["done", "failed", "failed", "failed", "failed"]


def test_fail_fast_stops_at_the_first_bad_image(shapes, two_cores, tmp_path):
    source = photos(tmp_path / "in", 2)
    (source / "001.png").write_bytes(b"no picture")
    options = RunOptions(out=str(tmp_path / "out"), engine="ray", fail_fast=True)
    with pytest.raises(ImageError, match=r"001\.png"):
        run(Deadly(), shapes, [source], options)
    assert len((tmp_path / "out/results.jsonl").read_text().splitlines()) == 2  # its chunk is kept


def test_a_worker_that_is_killed_is_replaced_and_the_bytes_are_the_same(shapes, two_cores, tmp_path):
    source, marks = photos(tmp_path / "in", 9), tmp_path / "marks"
    marks.mkdir()
    technique = Deadly(marks=str(marks))
    run(technique, shapes, [source], RunOptions(out=str(tmp_path / "here")))
    for number in range(2):
        (marks / str(number)).touch()
    run(technique, shapes, [source], RunOptions(out=str(tmp_path / "there"), engine="ray"))
    assert not list(marks.iterdir()), "two processes were killed"
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_images_that_kill_every_worker_are_named_and_the_run_ends(shapes, two_cores, tmp_path):
    source = photos(tmp_path / "in", 2)
    with pytest.raises(ModelError, match=r"died again and again over the 2 image\(s\) 000\.png to 001\.png"):
        run(Deadly(always=True), shapes, [source], RunOptions(out=str(tmp_path / "out"), engine="ray"))


def test_a_problem_of_the_model_is_raised_as_here(shapes, two_cores, tmp_path):
    options = RunOptions(out=str(tmp_path / "out"), engine="ray")
    with pytest.raises(ModelError, match="does not like these images") as raised:
        run(Deadly(fails=True), shapes, [photos(tmp_path / "in", 4)], options)
    assert raised.value.next_step == "show it others"


def test_a_run_goes_on_where_it_was_stopped(shapes, two_cores, tmp_path):
    source = photos(tmp_path / "in", 8)
    run(Deadly(), shapes, [source], RunOptions(out=str(tmp_path / "here")))

    class Stopping(Listener):
        def image(self, record, fresh):
            raise KeyboardInterrupt

    options = RunOptions(out=str(tmp_path / "there"), engine="ray")
    with pytest.raises(KeyboardInterrupt):
        run(Deadly(), shapes, [source], options, Stopping())
    kept = len((tmp_path / "there/results.jsonl").read_text().splitlines())
    assert kept == 2  # a chunk
    summary = run(Deadly(), shapes, [source], options)
    assert summary.reused == kept
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert summary.forwards == 6


def test_a_model_that_cannot_be_opened_again_is_refused_before_anything_is_written(two_cores, tmp_path):
    model = LinearModel(np.ones((1, 3, 8, 8), np.float32))
    with pytest.raises(NotSupported, match="model of this process"):
        run(Deadly(), model, [photos(tmp_path / "in", 1)], RunOptions(out=str(tmp_path / "out"), engine="ray"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_another_one_by_now_is_refused(two_cores, tmp_path, shapes):
    from viz.model_zoo.fetch import path_of

    file = tmp_path / "model.onnx"
    file.write_bytes(Path(path_of("shapes")).read_bytes())
    model = open_model(file, ONE)
    file.write_bytes(Path(path_of("shapes")).read_bytes() + b"\x72\x00")  # an empty entry: the same model, other bytes
    with pytest.raises(ModelError, match=r"its file \(sha256\) is"):
        run(Deadly(), model, [photos(tmp_path / "in", 1)], RunOptions(out=str(tmp_path / "out"), engine="ray"))


def test_a_worker_larger_than_any_machine_is_refused_with_what_would_fit(two_cores, tmp_path):
    model = open_model("zoo:shapes", ModelOptions(threads=3, device="cpu"))
    with pytest.raises(UsageError, match="a worker takes 3 CPU") as raised:
        run(Deadly(), model, [photos(tmp_path / "in", 1)], RunOptions(out=str(tmp_path / "out"), engine="ray"))
    assert "--threads 2" in raised.value.next_step


def test_another_cluster_than_the_connected_one_is_refused(shapes, two_cores, tmp_path):
    options = RunOptions(out=str(tmp_path / "out"), engine="ray", address="10.0.0.1:6379")
    with pytest.raises(UsageError, match="connected to the Ray cluster"):
        run(Deadly(), shapes, [photos(tmp_path / "in", 1)], options)


@pytest.mark.parametrize(
    ("address", "problem"),
    [("127.0.0.1:1", "127.0.0.1:1 could be reached: .*refused"), ("ray://127.0.0.1:10001", "is for Ray Client")],
)
def test_addresses_without_a_cluster_are_refused_at_once(address, problem):
    pytest.importorskip("ray.data", reason="Ray is not installed: pip install 'onnx-viz[ray]'")
    from viz.engine.ray.connecting import _connect, imported

    with pytest.raises(UsageError, match=problem):
        _connect(imported(), address)


def test_without_ray_the_error_names_the_extra(shapes, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as raised:
        run(Deadly(), shapes, [photos(tmp_path / "in", 1)], RunOptions(out=str(tmp_path / "out"), engine="ray"))
    assert raised.value.next_step == "pip install 'onnx-viz[ray]'"
    assert not (tmp_path / "out").exists()


def test_a_survey_on_the_cluster_is_the_local_one_byte_for_byte(shapes, two_cores, tmp_path):
    technique = find("patches")
    source = photos(tmp_path / "in", 40)  # two chunks
    (source / "labels.json").write_text(json.dumps({f"{n:03d}.png": draw(n).label for n in range(40)}))
    (source / "005.png").write_bytes(b"no picture")
    options = {"layer": ("stages.0.relu1",)}
    run(technique(**options), shapes, [source], SurveyOptions(out=str(tmp_path / "here")))
    run(technique(**options), shapes, [source], SurveyOptions(out=str(tmp_path / "there"), engine="ray"))
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert {"state.npz", "images.jsonl", "results.jsonl"} <= set(contents(tmp_path / "there"))
    assert recorded(tmp_path / "there")["images"] == {"found": 40, "done": 39, "failed": 1}
