"""`viz zoo` as a user types it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from viz.cli.zoo import app
from viz.core.errors import VizError
from viz.model_zoo import catalogue


@dataclass
class Outcome:
    """What a command did, as the `viz` command reports it."""

    code: int
    out: str
    error: str = ""


def viz_zoo(*words: str) -> Outcome:
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, VizError):
        return Outcome(done.exception.exit_code, done.stdout, str(done.exception))
    return Outcome(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no settings of the machine's own."""
    for name in ("VIZ_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The catalogue's mnist-12 replaced by a small file that a loopback server has."""
    body = bytes(range(256)) * 8
    (tmp_path / "toy.onnx").write_bytes(body)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        toy = replace(
            catalogue.find("mnist-12"),
            urls=(f"http://127.0.0.1:{server.server_port}/toy.onnx",),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        monkeypatch.setattr(catalogue, "entries", lambda: {"mnist-12": toy})
        yield body
        server.shutdown()


def test_list_shows_every_model_and_whether_it_is_here() -> None:
    listed = viz_zoo("list")
    assert listed.code == 0
    for name in catalogue.entries():
        assert name in listed.out.split()
    lines = {line.split()[0]: line for line in listed.out.splitlines()}
    assert "built in" in lines["shapes"]
    assert "to download" in lines["resnet18-v1-7"]
    assert "46.8 MB" in lines["resnet18-v1-7"]


def test_list_for_programs_is_json_with_sizes_in_bytes() -> None:
    rows = {row["name"]: row for row in json.loads(viz_zoo("list", "--format", "json").out)}
    assert rows["resnet18-v1-7"]["size"] == 46820737
    assert rows["shapes"]["size"] > 100_000
    assert rows["mnist-12"]["licence"] == "MIT"


def test_list_names_what_is_left_out_and_why() -> None:
    rows = json.loads(viz_zoo("list", "--left-out", "--format", "json").out)
    assert {row["name"]: row["reason"] for row in rows} == catalogue.left_out()
    assert "torch hub" in viz_zoo("list", "--left-out").out


def test_show_tells_all_that_is_known() -> None:
    shown = viz_zoo("show", "squeezenet1.0-12")
    assert shown.code == 0
    for fact in ("dec81a8684617770", "https://", "Apache-2.0", "channels bgr", "103.939", "--labels FILE", "4952956"):
        assert fact in shown.out


def test_show_for_programs_is_the_entry_as_json(cache: Path) -> None:
    shown = json.loads(viz_zoo("show", "shapes-torch", "--format", "json").out)
    assert shown["arch"] == "viz.model_zoo.shapes_net:ShapesNet"
    assert shown["preprocess"]["size"] == [96, 96]
    assert shown["labels"][0] == "circle"
    assert Path(shown["path"]).is_file()


def test_path_prints_a_file_that_is_here() -> None:
    printed = viz_zoo("path", "shapes")
    assert printed.code == 0
    assert Path(printed.out.strip()).name == "shapes.onnx"


def test_path_downloads_nothing(cache: Path) -> None:
    missing = viz_zoo("path", "resnet18-v1-7")
    assert missing.code == 3
    assert str(cache / "models") in missing.error
    assert not cache.exists()


@pytest.mark.parametrize("command", ["show", "fetch", "path"])
def test_an_unknown_name_exits_with_2_and_a_suggestion(command: str) -> None:
    unknown = viz_zoo(command, "squeezenet")
    assert unknown.code == 2
    assert "did you mean 'squeezenet1." in unknown.error


def test_fetch_offline_exits_with_3_and_says_where_to_put_the_file(cache: Path) -> None:
    refused = viz_zoo("fetch", "--offline", "resnet18-v1-7")
    assert refused.code == 3
    for fact in ("46820737 bytes", "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c", str(cache)):
        assert fact in refused.error


def test_the_environment_can_forbid_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZ_OFFLINE", "1")
    assert viz_zoo("fetch", "resnet18-v1-7").code == 3


def test_fetch_prints_the_path_on_stdout_and_progress_on_stderr(served: bytes) -> None:
    fetched = viz_zoo("fetch", "mnist-12")
    assert fetched.code == 0
    assert Path(fetched.out.strip()).read_bytes() == served
    assert "mnist-12: downloading" in fetched.error
    assert viz_zoo("path", "mnist-12").out == fetched.out
    assert "cached" in viz_zoo("list").out


def test_fetch_can_be_quiet(served: bytes) -> None:
    assert viz_zoo("fetch", "-q", "mnist-12").error == ""


def test_samples_writes_pictures_with_masks_and_labels(tmp_path: Path) -> None:
    written = viz_zoo("samples", str(tmp_path / "pictures"), "--count", "3", "--seed", "7")
    assert written.code == 0
    assert "3 pictures" in written.out
    labels = json.loads((tmp_path / "pictures" / "labels.json").read_text())
    assert len(labels) == 3
    for name, truth in labels.items():
        assert (tmp_path / "pictures" / "images" / name).is_file()
        assert (tmp_path / "pictures" / truth["mask"]).is_file()


def test_samples_of_another_seed_are_other_pictures(tmp_path: Path) -> None:
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        viz_zoo("samples", str(tmp_path / folder), "--count", "1", "--seed", seed)
    first, again, other = (next((tmp_path / folder / "images").iterdir()).read_bytes() for folder in "abc")
    assert first == again != other
