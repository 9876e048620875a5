"""What the catalogue says of its models must be true."""

import csv
import gzip
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from viz.core.errors import ExitCode, UnknownName
from viz.core.images import fit, read
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.sources.preprocess import InputFacts, resolve_preprocess
from viz.model_zoo.catalogue import ZooEntry, entries, find, left_out
from viz.model_zoo.fetch import path_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
REMOTE = [entry for entry in entries().values() if not entry.built_in]

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real models and photographs are not beside the checkout"
)


def preprocess_of(entry: ZooEntry) -> Preprocess:
    """The entry's preprocessing as a loader resolves it, for a model whose input says only its shape."""
    given = entry.preprocess
    facts = InputFacts(tuple(given["size"]), 1 if given["channels"] == "gray" else 3, given["layout"])
    resolved, warnings = resolve_preprocess(facts, ModelOptions(), None, {}, zoo=given)
    assert warnings == []
    return resolved


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.name)
def test_the_preprocessing_of_every_entry_can_be_used(entry: ZooEntry) -> None:
    preprocess = preprocess_of(entry)
    assert json.loads(json.dumps(preprocess.as_dict())).items() >= dict(entry.preprocess).items()
    assert len(preprocess.mean) == len(preprocess.std) == preprocess.channel_count
    pixels = np.full((1, 3, *preprocess.size), 0.5, np.float32)
    encoded = preprocess.encode(pixels)
    assert encoded.shape[3 if preprocess.layout == "nhwc" else 1] == preprocess.channel_count
    gray_is_near_zero = abs(encoded).max() < (50 if preprocess.range == (0, 255) else 0.6)
    assert gray_is_near_zero or preprocess.channels == "gray"  # mean and std are in units of range


@pytest.mark.parametrize("entry", REMOTE, ids=lambda entry: entry.name)
def test_every_download_is_pinned_and_encrypted(entry: ZooEntry) -> None:
    assert entry.size and entry.size > 0
    assert re.fullmatch("[0-9a-f]{64}", entry.sha256 or "")
    assert all(url.startswith("https://") and url.endswith("/" + entry.file) for url in entry.urls)
    assert len(entry.urls) == 2
    assert entry.licence and entry.source


def test_no_two_entries_are_the_same_file() -> None:
    assert len({entry.sha256 for entry in REMOTE}) == len(REMOTE) >= 50


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("entry", REMOTE, ids=lambda entry: entry.name)
def test_size_and_checksum_are_those_of_the_repository(entry: ZooEntry) -> None:
    with (SHARED / "onnx_model_zoo.csv").open(newline="") as file:
        published = {path: (sha256, int(size)) for path, sha256, size in list(csv.reader(file))[1:]}
    path = entry.urls[0].partition("/main/")[2]
    assert published[path] == (entry.sha256, entry.size)


@pytest.mark.parametrize("entry", [e for e in REMOTE if "imagenet" in e.notes.lower()], ids=lambda entry: entry.name)
def test_a_model_without_labels_says_how_to_give_them(entry: ZooEntry) -> None:
    assert entry.labels is None
    assert "--labels FILE" in entry.notes


def test_the_built_in_entries_say_what_the_onnx_file_says_of_itself() -> None:
    onnx = importlib.import_module("onnx")
    metadata = {p.key: p.value for p in onnx.load(path_of("shapes"), load_external_data=False).metadata_props}
    written = json.loads(metadata["viz.preprocess"])
    for name in ("shapes", "shapes-torch"):
        entry = find(name)
        assert list(entry.labels or ()) == json.loads(metadata["viz.labels"])
        assert {key: entry.preprocess[key] for key in written} == written


def test_the_built_in_weights_fit_their_architecture() -> None:
    safetensors = importlib.import_module("safetensors.torch")
    entry = find("shapes-torch")
    module, _, name = (entry.arch or "").partition(":")
    net = getattr(importlib.import_module(module), name)()
    net.load_state_dict(safetensors.load_file(path_of("shapes-torch")))


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'resnet18-v\d-7' or 'resnet18-v\d-7'") as caught:
        find("resnet18")
    assert caught.value.exit_code is ExitCode.USAGE
    assert "viz zoo list" in str(caught.value)


def test_what_is_left_out_has_a_reason_and_is_not_in_the_catalogue() -> None:
    assert len(left_out()) >= 5
    assert all(len(reason) > 20 for reason in left_out().values())
    assert not set(left_out()) & set(entries())


def test_reading_the_catalogue_loads_no_model_runtime() -> None:
    code = "import sys, viz.model_zoo.catalogue as c; c.entries(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "onnx", "onnxruntime", "cv2", "numpy", "urllib.request"} & set(loaded)


# --- preprocessing, held against photographs with known labels ---


def right_at_first(model: Path, preprocess: Preprocess, dtype: type) -> int:
    """How many of the 143 labelled photographs of the sample the model gets right."""
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    folder = SHARED / "images" / "imagenet_sample"
    right = 0
    for name, truth in json.loads((folder / "labels.json").read_text()).items():
        image = preprocess.encode(fit(read(folder / name), preprocess).pixels[None]).astype(dtype)
        scores = session.run(None, {session.get_inputs()[0].name: image})[0]
        right += scores.argmax() == truth["class_index"]
    return right


@pytest.mark.shared
@needs_shared
def test_a_listed_file_put_into_the_cache_by_hand_reaches_its_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = find("shufflenet-v2-12-int8")
    place = tmp_path / "models" / (entry.sha256 or "")[:16] / entry.file
    place.parent.mkdir(parents=True)
    place.symlink_to(SHARED / "models" / "imagenet" / entry.file)
    monkeypatch.setenv("VIZ_CACHE", str(tmp_path))
    found = right_at_first(path_of(entry.name, offline=True), preprocess_of(entry), np.float32)
    assert abs(found - 121) <= 4  # int8 sums saturate on processors without VNNI: 121 there, 124 with it


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "sibling", "dtype", "right"),
    [
        ("squeezenet1.0-12", "SqueezeNet_fp16", np.float16, 82),
        ("squeezenet1.1-7", "squeezenet1.1_fp32", np.float32, 93),
        ("mobilenetv2-7", "mobilenetv2_fp32", np.float32, 126),
    ],
)
def test_the_preprocessing_suits_the_same_network_from_elsewhere(
    name: str, sibling: str, dtype: type, right: int
) -> None:
    found = right_at_first(SHARED / "models" / "imagenet" / f"{sibling}.onnx", preprocess_of(find(name)), dtype)
    assert abs(found - right) <= 2


@pytest.mark.shared
@needs_shared
def test_the_preprocessing_of_digits_suits_digits() -> None:
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(SHARED / "models" / "other" / "mnist_cntk.onnx")
    folder = SHARED / "images" / "mnist"
    digits = np.frombuffer(gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    pixels = digits.reshape(-1, 1, 28, 28)[:300].repeat(3, axis=1).astype(np.float32) / 255
    images = preprocess_of(find("mnist-12")).encode(pixels)
    guesses = [session.run(None, {session.get_inputs()[0].name: image[None]})[0].argmax() for image in images]
    assert (np.array(guesses) == labels[:300]).mean() > 0.97
