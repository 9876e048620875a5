"""Run folders as `viz` leaves them, made small, and a real browser to open their pages in."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

BROWSER_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

RUN: dict[str, Any] = {
    "schema": 1,
    "complete": True,
    "technique": "occlusion",
    "summary": "Heat is the drop of the score when a patch is hidden.",
    "source": "Zeiler & Fergus 2013, section 4.2",
    "settings": {"patch": 32, "stride": 16, "fill": "gray"},
    "options": {"target": "top1", "score": "auto", "limit": None},
    "command": "viz occlusion --model resnet18.onnx photos/",
    "model": {
        "name": "resnet18",
        "spec": "resnet18.onnx",
        "sha256": "ab" * 32,
        "runtime": "onnxruntime 1.31.0",
        "device": "cpu",
        "details": {"opset": "17"},
    },
    "preprocess": {
        "size": [224, 224],
        "crop": "center",
        "mean": [0.485, 0.456, 0.406],
        "origin": {"size": "the input's shape", "crop": "resnet18.viz.toml"},
        "text": "224x224 rgb nchw, short side 256, centre crop (bilinear), 0..1",
    },
    "labels_origin": "resnet18.onnx metadata",
    "target": "top1",
    "score": "logit (read before the graph's own softmax)",
    "images": {"found": 0, "done": 0, "failed": 0},
    "skipped": [],
    "warnings": [],
    "notes": [],
    "versions": {"viz": "0.1.0", "onnxruntime": "1.31.0"},
    "platform": "Linux",
    "seed": None,
    "device": "cpu",
    "timings": {"total_s": 12.5},
}


def done_entry(name: str, **changes: Any) -> dict[str, Any]:
    """A line of results.jsonl for an image that worked; `label`, `class_index` and `key` are short cuts."""
    key = changes.pop("key", Path(name).stem)
    label, index = changes.pop("label", "tabby"), changes.pop("class_index", 281)
    return {
        "name": name,
        "key": key,
        "status": "done",
        "sha256": "cd" * 32,
        "size": [30, 40],
        "box": [5.0, 0.0, 35.0, 30.0],
        "truth": None,
        "target": {"label": label, "class_index": index, "score": "logit"},
        "predictions": [
            {"class_index": index, "label": label, "probability": 0.75},
            {"class_index": 7, "label": "cock", "probability": 0.125},
        ],
        "numbers": {"score": 12.5, "drop": 4.25},
        "warnings": [],
        "files": {"picture": f"{key}.png", "arrays": f"{key}.npz", "original": f"originals/{key}.jpg"},
    } | changes


def failed_entry(name: str, reason: str = "empty file (0 bytes)") -> dict[str, Any]:
    """A line of results.jsonl for an image that could not be used."""
    return {"name": name, "key": Path(name).stem, "status": "failed", "reason": reason}


def made_entry(name: str, original: bool = False, **changes: Any) -> dict[str, Any]:
    """A line of results.jsonl for an image that was made, of a photo where `original` says so."""
    entry = done_entry(name, key=changes.pop("key", name.replace(":", "_")))
    key = entry["key"]
    files = {"picture": f"{key}.png", "arrays": f"{key}.npz", "curve": f"{key}.curve.png"}
    if original:
        files |= {"original": f"originals/{key}.jpg", "triptych": f"{key}.triptych.png", "animation": f"{key}.gif"}
    made = {
        "sha256": "cd" * 32 if original else "",
        "numbers": {"score": 12.5, "confidence": 0.75},
        "files": files,
        "row": "",
        "column": "",
    }
    return entry | made | changes


def write_run_folder(folder: Path, entries: list[dict[str, Any]], drawn: int | None = None, **changes: Any) -> Path:
    """A run folder with these entries, run.json changed as said, and tiny pictures."""
    (folder / "originals").mkdir(parents=True)
    good = sum(entry["status"] == "done" for entry in entries)
    images = {"found": len(entries), "done": good, "failed": len(entries) - good}
    (folder / "run.json").write_text(json.dumps(RUN | {"images": images} | changes))
    (folder / "results.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    for entry in entries[:drawn]:
        if entry["status"] == "done":
            for kind, file in entry["files"].items():
                if file.endswith((".png", ".jpg", ".gif")):
                    Image.new("RGB", (40, 30), "blue" if kind == "original" else "red").save(folder / file)
    return folder


@pytest.fixture(scope="session")
def done() -> Callable[..., dict[str, Any]]:
    """Makes a line of results.jsonl for an image that worked."""
    return done_entry


@pytest.fixture(scope="session")
def made() -> Callable[..., dict[str, Any]]:
    """Makes a line of results.jsonl for an image that was made."""
    return made_entry


@pytest.fixture(scope="session")
def failed() -> Callable[..., dict[str, Any]]:
    """Makes a line of results.jsonl for an image that could not be used."""
    return failed_entry


@pytest.fixture(scope="session")
def write_run() -> Callable[..., Path]:
    """Writes a run folder where it is told to; `drawn` limits how many images get theirs."""
    return write_run_folder


@pytest.fixture(scope="session")
def picture_widths() -> Callable[..., list[int]]:
    """Waits until every image below a selector is decoded and gives their true widths."""
    decoded = "(images) => Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth)))"
    return lambda page, below: page.locator(f"{below} img").evaluate_all(decoded)


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder from lines of results.jsonl."""

    def make(*entries: dict[str, Any], name: str = "run", **changes: Any) -> Path:
        return write_run_folder(tmp_path / name, list(entries), **changes)

    return make


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    asked = os.environ.get("VIZ_CHROMIUM")
    names = [asked] if asked else ["chromium", "chromium-browser", "google-chrome"]
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None and asked:
        pytest.fail(f"VIZ_CHROMIUM is {asked!r}, and no program is there")
    if path is None:
        pytest.skip("no Chromium found: install chromium, or name one in VIZ_CHROMIUM")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


class Opened:
    """A page in the browser with everything that went wrong on it."""

    def __init__(self, page: Any, expected: tuple[str, ...]):
        self.page = page
        self.expected = expected
        self.errors: list[str] = []
        self.foreign_requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", self._message)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on(
            "request", lambda r: None if r.url.startswith(("file:", "data:")) else self.foreign_requests.append(r.url)
        )
        page.on("dialog", lambda d: (self.dialogs.append(d.message), d.dismiss()))

    def _message(self, message: Any) -> None:
        known = any(text in message.text for text in self.expected)
        if message.type in ("error", "warning") and not known:
            self.errors.append(message.text)


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a written page from disk; at the end it must have raised no error and asked nothing of a network."""
    opened: list[Opened] = []

    def show(path: Path, fragment: str = "", expected: tuple[str, ...] = (), **context: Any) -> Any:
        page = chromium.new_context(**({"viewport": {"width": 1280, "height": 800}} | context)).new_page()
        page.set_default_timeout(10_000)
        opened.append(Opened(page, expected))
        page.goto(path.absolute().as_uri() + fragment)
        return page

    yield show
    for one in opened:
        one.page.context.close()
        assert not one.errors, one.errors
        assert not one.foreign_requests, one.foreign_requests
        assert not one.dialogs, one.dialogs
