"""From a name to a verified file: cache, offline mode, other addresses, and several processes at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from viz.core.errors import ModelError, UnknownName
from viz.model_zoo import catalogue
from viz.model_zoo.catalogue import ZooEntry
from viz.model_zoo.fetch import path_of

if TYPE_CHECKING:
    from tests.model_zoo.conftest import Server, Zoo


def test_a_model_is_downloaded_once_and_then_found_in_the_cache(server: "Server", zoo: "Zoo") -> None:
    assert zoo.get() == server.body
    assert zoo.get() == server.body
    assert len(server.requests) == 1
    assert zoo.files == {"toy.onnx"}


def test_the_second_address_is_tried_where_the_first_fails(server: "Server", zoo: "Zoo") -> None:
    zoo.move_to(f"{server.url}/gone", f"{server.url}/here")
    server.answers = [server.status(404), server.whole]
    assert zoo.get() == server.body


def test_without_a_network_the_error_says_how_to_bring_the_file(zoo: "Zoo") -> None:
    zoo.move_to("http://127.0.0.1:9/toy.onnx")
    message = zoo.failure()
    assert "no connection" in message
    assert f"put it at {zoo.place}" in message


def test_offline_nothing_is_asked_and_a_file_put_by_hand_is_used(
    server: "Server", zoo: "Zoo", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIZ_OFFLINE", "1")
    assert f"there is no file at {zoo.place}" in zoo.failure()
    zoo.place.parent.mkdir(parents=True)
    zoo.place.write_bytes(server.body)
    assert path_of("toy", offline=True) == zoo.place
    assert server.requests == []


def test_a_damaged_file_in_the_cache_is_refused_offline_and_replaced_online(server: "Server", zoo: "Zoo") -> None:
    zoo.get()
    zoo.place.write_bytes(server.body[:-1] + b"?")
    with pytest.raises(ModelError, match="is not the model: its sha256 is"):
        path_of("toy", offline=True)
    assert zoo.get() == server.body


def test_two_that_want_the_same_model_download_it_once(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.after(0.2)]
    with ThreadPoolExecutor(2) as pool:
        both = [task.result() for task in [pool.submit(zoo.get), pool.submit(zoo.get)]]
    assert both == [server.body, server.body]
    assert len(server.requests) == 1


def test_a_full_disk_is_noticed_before_the_download(
    zoo: "Zoo", server: "Server", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    assert "make room" in zoo.failure()
    assert server.requests == []


def test_a_cache_that_cannot_be_written_is_an_error(
    zoo: "Zoo", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VIZ_CACHE", str(tmp_path / "file"))
    assert "set VIZ_CACHE" in zoo.failure()


def test_progress_goes_to_stderr_in_plain_lines_where_there_is_no_terminal(
    zoo: "Zoo", capsys: pytest.CaptureFixture[str]
) -> None:
    zoo.get()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "toy: downloading 0.2 MB from http://127.0.0.1" in shown.err
    assert "toy: 0.2 MB of 0.2 MB" in shown.err
    assert "\x1b" not in shown.err


def test_quiet_shows_nothing(zoo: "Zoo", capsys: pytest.CaptureFixture[str]) -> None:
    path_of("toy", quiet=True)
    assert capsys.readouterr().err == ""


def test_an_unknown_name_is_a_usage_error(zoo: "Zoo") -> None:
    with pytest.raises(UnknownName, match="did you mean 'toy'"):
        path_of("toyy")


@pytest.mark.parametrize(("name", "file"), [("shapes", "shapes.onnx"), ("shapes-torch", "shapes.safetensors")])
def test_the_built_in_model_is_there_without_network_or_cache(
    name: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIZ_OFFLINE", "1")
    monkeypatch.setenv("VIZ_CACHE", "/nowhere")
    assert path_of(name).name == file
    assert path_of(name).stat().st_size > 100_000


def test_a_model_missing_from_the_installation_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = ZooEntry("lost", "onnx", "lost.onnx", {}, "a test", "CC0")
    monkeypatch.setattr(catalogue, "entries", lambda: {"lost": lost})
    with pytest.raises(ModelError, match="install onnx-viz again"):
        path_of("lost")
