"""How a model is loaded and fed: the options that every command with `--model` shares."""

from dataclasses import dataclass
from typing import Annotated

from viz.core.options import Opt

REDUCED = ("bf16", "fp16")  # values of `precision` that change how a float32 model is computed


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Everything about a model that is not in its file, or that overrides what is there."""

    preprocess: Annotated[
        str | None, Opt("imagenet, caffe, tf, unit, raw, or a FILE.toml; default: found beside or in the model.")
    ] = None
    size: Annotated[str | None, Opt("Input size: 224, or HEIGHTxWIDTH as 240x320.", metavar="N|HxW")] = None
    resize_short: Annotated[int | None, Opt("Length of the short side before a centre crop.", min=1)] = None
    crop: Annotated[
        str | None,
        Opt("center, none (stretch), or the central part of each side, as 0.875.", metavar="center|none|PART"),
    ] = None
    interpolation: Annotated[
        str | None,
        Opt("Resizing filter, always antialiased.", choices=("nearest", "bilinear", "bicubic", "lanczos", "box")),
    ] = None
    channels: Annotated[
        str | None, Opt("Colour order of the model's input.", choices=("rgb", "bgr", "gray", "rgba"))
    ] = None
    layout: Annotated[str | None, Opt("Axis order of the model's input.", choices=("nchw", "nhwc"))] = None
    range: Annotated[
        str | None, Opt("What black and white become, before mean and std: 0,1 or 0,255 or -1,1.", metavar="LO,HI")
    ] = None
    mean: Annotated[
        str | None, Opt("Subtracted, in units of --range, in the model's channel order.", metavar="M|R,G,B")
    ] = None
    std: Annotated[str | None, Opt("Divided by, in units of --range.", metavar="S|R,G,B")] = None
    labels: Annotated[
        str | None, Opt("Class names: a .txt with one a line, or a .json list or id2label table.", metavar="FILE")
    ] = None
    output: Annotated[str | None, Opt("The output that holds the class scores.", metavar="NAME")] = None
    input: Annotated[
        tuple[str, ...], Opt("A value for a further scalar input of the model.", metavar="NAME=VALUE")
    ] = ()
    precision: Annotated[
        str,
        Opt(
            "float32: as the file says, gradients in float32. native: gradients too as the file says. bf16 (OpenVINO), "
            "fp16 (CUDA): passes without gradients in it, faster; how far scores are off is measured and said.",
            choices=("float32", "native", *REDUCED),
        ),
    ] = "float32"
    device: Annotated[str, Opt("auto, cpu, cuda, or cuda:1.", metavar="auto|cpu|cuda[:N]")] = "auto"
    provider: Annotated[
        str | None, Opt("An onnxruntime execution provider by name, in place of --device.", metavar="NAME")
    ] = None
    threads: Annotated[int | None, Opt("CPU threads for the model; default: all cores.", min=1)] = None
    arch: Annotated[
        str | None, Opt("The class or factory for a state dict, as package.module:name.", metavar="MODULE:NAME")
    ] = None
    model_arg: Annotated[tuple[str, ...], Opt("An argument for the model's factory.", metavar="NAME=VALUE")] = ()
    trust_pickle: Annotated[bool, Opt("Load a pickle that can run any code of its author on this machine.")] = False
