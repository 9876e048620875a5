"""Who takes part in `benchmarks/occlusion.py`: viz in two ways, a hand-written loop, Captum.

Each is called without arguments, works through some positions and gives their number.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from interleaved import Contestant

from viz import Adapter, ModelOptions, load
from viz.core.batching import BatchedAdapter
from viz.core.patches import Patched

SIZE = 224
LOOP_BATCHES = (1, 4, 8, 16, 32)
CAPTUM_BATCHES = (1, 4, 16)
GPU_BATCHES = (16, 32, 64, 128, 256)  # of both
# The same number format as viz's. Convolutions by trial, which is onnxruntime's default and best for batches of one
# size; the trials are over before the rounds.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE"}
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class Setting:
    """What all work on: a network, a grid of patches, so many threads.

    Attributes:
        path: the ONNX file.
        network: its name in `networks.MAKERS`.
        patch: side of the square in pixels.
        stride: step between squares.
        threads: cores that each may use; None: all.
        images: images per call of viz's windows, which go over the whole grid of each.
        subset: positions per round of those whose time does not depend on where the patch is.
        batch_size: viz's `--batch-size`; None: its own choice.
        options: fields of viz's `ModelOptions`.
    """

    path: Path
    network: str
    patch: int
    stride: int
    threads: int | None = None
    images: int = 1
    subset: int = 64
    batch_size: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """cpu or cuda, viz's and the loop's."""
        return str(self.options.get("device", "cpu"))

    @property
    def starts(self) -> range:
        """Tops, and lefts, of the patches."""
        return range(0, SIZE - self.patch + 1, self.stride)

    @property
    def places(self) -> np.ndarray:
        """(n, 3) variants of all images: image, top, left."""
        axes = np.meshgrid(np.arange(self.images), self.starts, self.starts, indexing="ij")
        return np.stack([axis.ravel() for axis in axes], axis=1).astype(np.intp)

    @property
    def some(self) -> np.ndarray:
        """(subset, 3) variants of the first image, spread over the grid; some twice where it has fewer."""
        first = self.places[: len(self.starts) ** 2]
        return first[np.linspace(0, len(first) - 1, self.subset).round().astype(int)]

    def patched(self, seed: int) -> Patched:
        """Images of noise with gray patches, as viz takes them."""
        images = np.random.default_rng(seed).random((self.images, 3, SIZE, SIZE), np.float32)
        images.flags.writeable = False
        return Patched(images, np.full_like(images, 0.5), self.patch, self.places)


class Viz:
    """The public way: a model wrapped as every command does it."""

    def __init__(self, setting: Setting, model: BatchedAdapter, by_windows: bool):
        self.model, self.layers = model, score_layers(model)
        self._setting, self._by_windows, self._turn = setting, by_windows, 0

    def __call__(self) -> int:
        """One call with images that it has not seen: the whole grid by windows, or the subset in whole passes."""
        self._turn += 1
        patched = self._setting.patched(self._turn)
        asked = patched if self._by_windows else patched.at(self._setting.some)
        self.scores(asked)
        return len(asked)

    def scores(self, patched: Patched) -> np.ndarray:
        """(n, classes) for its variants."""
        return self.model.run_patched(replace(patched, by_windows=self._by_windows), self.layers)[self.layers[0]]


def opened(setting: Setting) -> BatchedAdapter:
    """The model, loaded and wrapped."""
    options = ModelOptions(preprocess="imagenet", threads=setting.threads, **setting.options)
    return BatchedAdapter(load(setting.path, options), setting.batch_size)


def score_layers(model: Adapter) -> tuple[str]:
    """What occlusion asks for: the scores before a softmax, where there is one."""
    assert model.scores is not None, "every network here is a classifier"
    return (str(model.scores.logits or model.scores.probabilities),)


class Loop:
    """What one would write by hand: a session, batches of ready tensors with a gray square each."""

    def __init__(self, setting: Setting, batch: int, callers: int = 1):
        self._session = _session(setting.path, (setting.threads or 0) // callers, setting.device)
        self._pool = ThreadPoolExecutor(callers)
        self._setting, self._batch, self._callers = setting, batch, callers

    def __call__(self) -> int:
        """The subset, of an image that stays the same."""
        places = self._setting.some
        self.scores(ready(self._setting.patched(0).images[0]), places)
        return len(places)

    def clean(self, image: np.ndarray) -> np.ndarray:
        """(classes,) for a ready image (3, h, w)."""
        return self._run(image[None])[0]

    def scores(self, image: np.ndarray, places: np.ndarray) -> np.ndarray:
        """(n, classes) for variants of a ready image (3, h, w)."""
        parts = [places[i : i + self._batch] for i in range(0, len(places), self._batch)]
        work = partial(self._one_batch, image)
        return np.concatenate(list(self._pool.map(work, parts) if self._callers > 1 else map(work, parts)))

    def _one_batch(self, image: np.ndarray, places: np.ndarray) -> np.ndarray:
        side, gray = self._setting.patch, ready(np.full((3, 1, 1), 0.5, np.float32))
        copies = np.repeat(image[None], len(places), axis=0)
        for copy, (_, top, left) in zip(copies, places, strict=True):
            copy[:, top : top + side, left : left + side] = gray
        return self._run(copies)

    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(None, {self._session.get_inputs()[0].name: images})[0]


@cache
def _session(path: Path, threads: int, device: str) -> ort.InferenceSession:
    return session_on(str(path), threads, device)


def session_on(model: str | bytes, threads: int, device: str) -> ort.InferenceSession:
    """A session of a file or its bytes. Raises `SystemExit` where it cannot be had on that device."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    provider = "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"
    if device == "cuda":
        ort.preload_dlls()
    given = _CUDA_OPTIONS if device == "cuda" else {}
    session = ort.InferenceSession(model, options, providers=[(provider, given)])
    if session.get_providers()[0] != provider:
        raise SystemExit(f"onnxruntime could not use {provider}")
    return session


def loops(setting: Setting, batches: Iterable[int]) -> dict[str, Loop]:
    """At all batch sizes: one call at a time with all threads, and as many calls as threads with one thread each.

    On a GPU: copies drawn on the host and uploaded, and drawn on the GPU.
    """
    if setting.device == "cuda":
        from occlusion_device_loop import DeviceLoop

        drawn = {f"batch {b}, drawn on the GPU": DeviceLoop(setting, b, "cuda") for b in batches}
        return {f"batch {b}": Loop(setting, b) for b in batches} | drawn
    ways = {1, setting.threads or 1}
    return {f"batch {b}" + f", {n} side by side" * (n > 1): Loop(setting, b, n) for n in sorted(ways) for b in batches}


def captums(setting: Setting, batches: Iterable[int], side: int, step: int) -> dict[str, Contestant]:
    """Captum at all batch sizes, on one image and a grid of this side and step."""
    image = ready(setting.patched(0).images[0])
    return {f"{n} at once": captum_on(replace(setting, patch=side, stride=step), [image], n) for n in batches}


def captum_on(setting: Setting, images: Sequence[np.ndarray], at_once: int) -> Contestant:
    """Captum's Occlusion on the torch network, image by image; its clean passes are counted as positions."""
    import torch
    from captum.attr import Occlusion as Peer

    torch.set_num_threads(setting.threads or torch.get_num_threads())
    torch.backends.cudnn.allow_tf32 = False  # the same number format as viz's
    network = _torch_network(setting.network, setting.path).to(setting.device)
    tensors = [torch.from_numpy(image)[None].to(setting.device) for image in images]
    gray = torch.from_numpy(ready(np.full((3, SIZE, SIZE), 0.5, np.float32)))[None].to(setting.device)
    window, steps = (3, setting.patch, setting.patch), (3, setting.stride, setting.stride)
    peer, positions = Peer(network), len(setting.starts) ** 2

    def attribute() -> int:
        with torch.no_grad():
            for tensor in tensors:
                target = int(network(tensor).argmax())
                peer.attribute(tensor, window, steps, gray, target, perturbations_per_eval=at_once).cpu()
        return len(tensors) * (positions + 1)

    return attribute


@cache
def _torch_network(name: str, path: Path) -> Any:
    """The network that the file was made from. Raises `SystemExit` where the file holds another one."""
    import torch

    from networks import build

    network, image = build(name), np.random.default_rng(0).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    session = _session(path, 1, "cpu")
    theirs = session.run(None, {session.get_inputs()[0].name: image})[0]
    with torch.no_grad():  # before it is moved to another device
        ours = network(torch.from_numpy(image)).numpy()
    if not np.allclose(ours, theirs, rtol=0, atol=1e-3 * np.abs(ours).max()):
        raise SystemExit(f"{path} holds another network than benchmarks/networks.py makes: delete it")
    return network


def coarser(setting: Setting) -> int:
    """The smallest step with no more positions than the subset; Captum takes none above the patch."""
    space = SIZE - setting.patch
    fitting = [step for step in range(setting.stride, setting.patch + 1) if space % step == 0]
    few = [step for step in fitting if (space // step + 1) ** 2 <= setting.subset]
    return few[0] if few else fitting[-1]


def ready(pixels: np.ndarray) -> np.ndarray:
    """Pixels (3, h, w) as the networks want them."""
    return (pixels - _MEAN[:, None, None]) / _STD[:, None, None]
