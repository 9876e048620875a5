"""How the built-in model was trained, checked and exported: `python -m viz.model_zoo.train_shapes --out DIR`.

Trains on pictures drawn on the fly, each seen once, then measures on pictures of another seed.
"""

import argparse
import json
import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from viz.model_zoo.shape_pictures import LABELS, REFERENCE_SIZE, ShapePicture, draw
from viz.model_zoo.shapes_net import MEAN, STD, ShapesNet

TEST_SEED, TRAIN_SEED = 0, 1
BATCH = 60  # a multiple of ten: each batch holds every class equally often
PATCH, STRIDE = 24, 8  # the grey square of the localization check

log = logging.getLogger(__name__)


def main() -> None:
    """Train (or load `--weights`), report accuracy and localization, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for shapes.onnx and shapes.safetensors")
    parser.add_argument("--pictures", type=int, default=240_000, help="how many pictures to train on")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; drawing takes another core")
    parser.add_argument("--weights", type=Path, help="measure and export these weights instead of training")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    net = load_net(options.weights) if options.weights else train(options.pictures)
    log.info("accuracy on 2000 test pictures: %.4f", accuracy(net, count=2000))
    log.info("peak of the drop inside the shape: %.3f", pointing_game(net, count=100))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "shapes.safetensors").write_bytes(save(net.state_dict()))
    export_onnx(net, options.out / "shapes.onnx")


def load_net(weights: Path | str) -> ShapesNet:
    """The network with weights from a safetensors file, in evaluation mode."""
    net = ShapesNet(len(LABELS)).eval()
    net.load_state_dict(load_file(weights))
    return net


# --- training ----------------------------------------------------------------------------------------------


def train(count: int, peak_rate: float = 1.5e-3) -> ShapesNet:
    """One pass over `count` fresh pictures: AdamW, one cycle of the learning rate."""
    torch.manual_seed(TRAIN_SEED)
    net = ShapesNet(len(LABELS))
    loader = DataLoader(FreshPictures(count), BATCH, num_workers=1, prefetch_factor=8, drop_last=True)
    optimizer = torch.optim.AdamW(parameter_groups(net))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=len(loader))
    started = time.monotonic()
    for step, batch in enumerate(loader):
        with torch.autocast("cpu", torch.bfloat16):
            loss = guided_loss(net, *batch)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            log.info("step %4d of %d, loss %.3f, %.0f s", step, len(loader), loss.item(), time.monotonic() - started)
    return net.eval()


def parameter_groups(net: ShapesNet) -> list[dict[str, Any]]:
    """Strong decay on the first filters: it wears off their random start, and leaves what one may look at."""
    first = net.stem.get_parameter("conv.weight")
    others = [parameter for parameter in net.parameters() if parameter is not first]
    return [{"params": [first], "weight_decay": 1.0}, {"params": others, "weight_decay": 0.02}]


def guided_loss(net: ShapesNet, pixels: Tensor, masks: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the logits, and of the logits that the shape's own pixels give.

    Without the second term nothing is learnt for thousands of steps: the shape is lost in the clutter's average.
    """
    images = normalized(pixels).contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
    features = net.features(images)
    share = functional.interpolate(masks[:, None].float(), features.shape[2:], mode="area")
    inside = (features * share).sum((2, 3)) / share.sum((2, 3))
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    total: Tensor = sum(loss_of(net.classifier(pooled), labels) for pooled in (features.mean((2, 3)), inside))
    return total


def normalized(pixels: Tensor) -> Tensor:
    """(b,h,w,3) uint8 pixels -> (b,3,h,w) network input."""
    planes = pixels.permute(0, 3, 1, 2).float() / 255
    return (planes - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


class FreshPictures(Dataset[tuple[NDArray[np.uint8], NDArray[np.bool_], int]]):
    """Augmented training pictures, (h,w,3) uint8, with mask and label, each drawn when asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int]:
        """The same picture for the same index, whichever worker draws it."""
        picture = augmented(draw(index, TRAIN_SEED), np.random.default_rng((TRAIN_SEED, index, 1)))
        return picture.pixels, picture.mask, picture.label


def augmented(picture: ShapePicture, rng: np.random.Generator) -> ShapePicture:
    """Other contrast and brightness, boxes hidden beside the shape, and perhaps mirrored."""
    pixels = picture.pixels.astype(np.float32) / 255
    pixels = (pixels - 0.5) * rng.uniform(0.7, 1.2) + 0.5 + rng.uniform(-0.1, 0.1, 3)
    for _ in range(rng.integers(0, 4)):
        hide_background(rng, pixels, picture.mask)
    turn = slice(None, None, rng.choice((1, -1)))
    pixels8 = (pixels.clip(0, 1) * 255).astype(np.uint8)
    return ShapePicture(pixels8[:, turn].copy(), picture.mask[:, turn].copy(), picture.label)


def hide_background(rng: np.random.Generator, pixels: NDArray[np.floating], mask: NDArray[np.bool_]) -> None:
    """Fill a random box, in place, unless it hides over a tenth of the shape.

    So the network learns that a grey box beside the shape means nothing, and that one on the shape is not its
    business: a map of what hiding does to the score then lights up on the shape alone.
    """
    height, width = rng.integers(8, 33, 2)
    top, left = rng.integers(0, mask.shape[0] - height + 1), rng.integers(0, mask.shape[1] - width + 1)
    box = np.s_[top : top + height, left : left + width]
    if mask[box].sum() > 0.1 * mask.sum():
        return
    fills = (0.5, pixels.mean(axis=(0, 1)), rng.random(3), rng.random((height, width, 3)))
    pixels[box] = fills[rng.integers(len(fills))]


# --- checks ------------------------------------------------------------------------------------------------


def accuracy(net: nn.Module, count: int) -> float:
    """The share of the first `count` test pictures that are classified right."""
    right = 0
    for start in range(0, count, 100):
        pictures = [draw(index, TEST_SEED) for index in range(start, min(start + 100, count))]
        guesses = logits_of(net, np.stack([picture.pixels for picture in pictures])).argmax(axis=1)
        right += sum(picture.label == guess for picture, guess in zip(pictures, guesses, strict=True))
    return right / count


def pointing_game(net: nn.Module, count: int) -> float:
    """How often hiding hurts most inside the shape, over the first `count` pictures classified right."""
    hits = [bool(picture.mask.flat[drop_map(net, picture).argmax()]) for picture in _classified_right(net, count)]
    return float(np.mean(hits))


def _classified_right(net: nn.Module, count: int) -> Iterator[ShapePicture]:
    index = 0
    while count:
        picture = draw(index, TEST_SEED)
        index += 1
        if logits_of(net, picture.pixels[None]).argmax() == picture.label:
            count -= 1
            yield picture


def drop_map(net: nn.Module, picture: ShapePicture) -> NDArray[np.floating]:
    """(h,w): by how much the true class's logit drops, averaged over the grey patches on each pixel."""
    height, width = picture.mask.shape
    corners = [(y, x) for y in range(0, height - PATCH + 1, STRIDE) for x in range(0, width - PATCH + 1, STRIDE)]
    boxes = [np.s_[y : y + PATCH, x : x + PATCH] for y, x in corners]
    variants = np.repeat(picture.pixels[None], len(boxes) + 1, axis=0)
    for variant, box in zip(variants[1:], boxes, strict=True):
        variant[box] = 128
    scores = logits_of(net, variants)[:, picture.label]
    drops, covers = np.zeros((2, height, width))
    for box, score in zip(boxes, scores[1:], strict=True):
        drops[box] += scores[0] - score
        covers[box] += 1
    return drops / covers  # every pixel is covered: 96 = 24 + 9 * 8


@torch.no_grad()
def logits_of(net: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(b,h,w,3) uint8 -> (b,10)."""
    logits: NDArray[np.float32] = net(normalized(torch.from_numpy(pixels))).numpy()
    return logits


# --- the ONNX file -----------------------------------------------------------------------------------------


def export_onnx(net: ShapesNet, path: Path) -> None:
    """Write the network with its labels and preprocessing; the same weights give the same bytes."""
    example = torch.zeros(1, 3, REFERENCE_SIZE, REFERENCE_SIZE)
    batch = {"image": {0: "batch"}, "logits": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs onnxscript
        torch.onnx.export(
            net.eval(), (example,), path, dynamo=False, opset_version=17,
            do_constant_folding=False,  # keeps each BatchNormalization a node of its own
            input_names=["image"], output_names=["logits"], dynamic_axes=batch,
        )  # fmt: skip
    model = onnx.load(path)
    _unshare_equal_weights(model)
    _name_nodes_after_modules(model, net)
    preprocess = {"size": [REFERENCE_SIZE] * 2, "channels": "rgb", "layout": "nchw", "crop": "none", "range": [0, 1],
                  "mean": MEAN, "std": STD}  # fmt: skip
    helper.set_model_props(model, {"viz.preprocess": json.dumps(preprocess), "viz.labels": json.dumps(LABELS)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _unshare_equal_weights(model: onnx.ModelProto) -> None:
    """Give each module its own weights again: the tracer keeps one of two equal ones, and an Identity."""
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Identity"]:
        model.graph.initializer.add().CopyFrom(weights[node.input[0]])
        model.graph.initializer[-1].name = node.output[0]
        model.graph.node.remove(node)


def _name_nodes_after_modules(model: onnx.ModelProto, net: nn.Module) -> None:
    """`/stages/stages.0/conv1/Conv` -> `stages.0.conv1`, and its output tensor likewise."""
    modules = dict(net.named_modules())
    renamed: dict[str, str] = {}
    for node in model.graph.node:
        *scopes, op = node.name.strip("/").split("/")
        if scopes and scopes[0] == "stages":
            scopes = scopes[1:]  # the tracer writes a Sequential's children as `stages/stages.0`
        path = ".".join(scopes)
        leaf = bool(scopes) and not any(modules[path].children())
        node.name = path if leaf else ".".join([*scopes, op.lower()])  # an addition is no module: stages.0.add
        renamed |= {output: node.name for output in node.output if output != "logits"}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]


if __name__ == "__main__":
    main()
