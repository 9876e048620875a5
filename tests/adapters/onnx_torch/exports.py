"""Networks as ONNX files by both exporters of torch, without touching the disk."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

IMAGE, OUTPUT = "image", "output"


@dataclass(frozen=True)
class Variant:
    """One way to export: by tracing ("old") or by torch.export ("new"), the opset, a fixed or a free batch."""

    exporter: Literal["old", "new"]
    opset: int
    free: bool

    def __str__(self) -> str:
        return f"{self.exporter}-{self.opset}-{'free' if self.free else 'fixed'}"

    def export(self, network: nn.Module, image: Tensor) -> onnx.ModelProto:
        """The network for images like `image` (1, 3, h, w): input `image`, output `output`."""
        with _quiet():
            return self._by_old(network, image) if self.exporter == "old" else self._by_new(network, image)

    def _by_old(self, network: nn.Module, image: Tensor) -> onnx.ModelProto:
        file = io.BytesIO()
        torch.onnx.export(
            network,
            (image,),
            file,
            dynamo=False,
            opset_version=self.opset,
            input_names=[IMAGE],
            output_names=[OUTPUT],
            dynamic_axes={IMAGE: {0: "n"}, OUTPUT: {0: "n"}} if self.free else None,
        )
        return onnx.load_from_string(file.getvalue())

    def _by_new(self, network: nn.Module, image: Tensor) -> onnx.ModelProto:
        # With one image as an example, torch.export takes the batch to be 1 for good.
        program = torch.onnx.export(
            network,
            (torch.cat([image, image]) if self.free else image,),
            dynamo=True,
            opset_version=self.opset,
            input_names=[IMAGE],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("n")},) if self.free else None,
            verbose=False,
        )
        assert program is not None
        return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporters say on the way; with attention in pieces that they know how to write."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        torch.backends.mha.set_fastpath_enabled(fast)


def by_onnxruntime(model: onnx.ModelProto, images: Tensor) -> Tensor:
    """The output of an exported network on onnxruntime, as it was exported."""
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values: list[np.ndarray] = session.run([OUTPUT], {IMAGE: images.numpy()})
    return torch.from_numpy(values[0])
