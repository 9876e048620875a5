"""What a command over images is asked to do: the options that such commands share."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated

from viz.core.errors import UsageError
from viz.core.images import MAX_PIXELS
from viz.core.options import Opt

ANIMATIONS = (".gif", ".webp", ".mp4")
_FRAMES, _FRAMES_OF_AN_ANIMATION = 8, 48


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """Which images, how they are read, how many go through the model at once."""

    limit: Annotated[int | None, Opt("Only the first N images.", min=1, metavar="N")] = None
    shard: Annotated[str | None, Opt("Only this share of the images: 2/8 is the second of eight.", metavar="I/N")] = (
        None
    )
    batch_size: Annotated[
        str, Opt("Images per forward pass, or auto; halved when memory runs out.", metavar="auto|N")
    ] = "auto"
    background: Annotated[str, Opt("What shows through transparent pixels, in 0-255.", metavar="R,G,B")] = "255,255,255"
    max_pixels: Annotated[int, Opt("Larger images are refused, against decompression bombs.", min=1)] = MAX_PIXELS
    fail_fast: Annotated[bool, Opt("Stop at the first image that cannot be used.")] = False

    @property
    def batch(self) -> int | None:
        """The batch size as a number; None for automatic. Raises `UsageError`."""
        if self.batch_size == "auto":
            return None
        if self.batch_size.isdecimal() and int(self.batch_size) >= 1:
            return int(self.batch_size)
        problem = f"--batch-size {self.batch_size} is neither auto nor a whole number from 1"
        raise UsageError(problem, "leave it out for auto")

    @property
    def background_colour(self) -> tuple[int, int, int]:
        """`background` as three numbers. Raises `UsageError`."""
        parts = [part.strip() for part in self.background.split(",")]
        if len(parts) == 3 and all(part.isdecimal() and int(part) <= 255 for part in parts):
            return int(parts[0]), int(parts[1]), int(parts[2])
        problem = f"--background {self.background} is not a colour"
        raise UsageError(problem, "give R,G,B in 0-255: --background 255,255,255")

    @property
    def share(self) -> tuple[int, int]:
        """`shard` as (which, of how many), counted from 1; (1, 1) for all. Raises `UsageError`."""
        which, _, count = (self.shard or "1/1").partition("/")
        if which.isdecimal() and count.isdecimal() and 1 <= int(which) <= int(count):
            return int(which), int(count)
        raise UsageError(f"--shard {self.shard} is not I/N with I from 1 to N", "for example --shard 2/8")


@dataclass(frozen=True, kw_only=True)
class EngineOptions(ImageOptions):
    """Also: which machines do the work. Where it is done changes no result."""

    engine: Annotated[
        str,
        Opt("Where the work is done: on this machine, or on a Ray cluster (extra: ray).", choices=("local", "ray")),
    ] = "local"
    address: Annotated[
        str | None,
        Opt("The Ray cluster, as ray.init takes it; default: a running one, else one on this machine.", metavar="ADDR"),
    ] = None
    workers: Annotated[
        int | None, Opt("Copies of the model on the cluster; default: as many as it has room for.", min=1, metavar="N")
    ] = None

    def check_engine(self) -> None:
        """Raise `UsageError` for options of a cluster without one."""
        given = [name for name in ("address", "workers") if getattr(self, name) is not None]
        if self.engine == "local" and given:
            raise UsageError(f"--{given[0]} is for a cluster, and this runs on this machine", "add --engine ray")


@dataclass(frozen=True, kw_only=True)
class RunOptions(EngineOptions):
    """Also: which score is explained, and where the results go."""

    target: Annotated[
        str,
        Opt(
            "top1, top2, …; a class by name or index; label (each image's own); LAYER:CHANNEL, LAYER:CHANNEL@Y,X or "
            "LAYER:norm; CLASS@Y,X, CLASS in mask, CLASS in X0,Y0,X1,Y1; box CLASS, box CLASS near X0,Y0,X1,Y1; "
            "like FILE; or A - B."
        ),
    ] = "top1"
    score: Annotated[
        str,
        Opt(
            "logit (before the softmax), probability, or auto: logit where there is one.",
            choices=("auto", "logit", "probability"),
        ),
    ] = "auto"
    out: Annotated[
        str | None, Opt("Folder for the results; default: runs/MODEL/TECHNIQUE-HASH.", metavar="DIR", short="-o")
    ] = None


@dataclass(frozen=True, kw_only=True)
class SurveyOptions(EngineOptions):
    """For commands over a whole folder: also where the results go."""

    out: Annotated[
        str | None, Opt("Folder for the results; default: runs/MODEL/TECHNIQUE-HASH.", metavar="DIR", short="-o")
    ] = None


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """For commands that look at the model alone: where the results go."""

    out: Annotated[
        str | None, Opt("Folder for the results; default: runs/MODEL/TECHNIQUE-HASH.", metavar="DIR", short="-o")
    ] = None


@dataclass(frozen=True, kw_only=True)
class MakeOptions(ImageOptions):
    """For commands that make images: also how much of the way is kept, and where the results go."""

    frames: Annotated[
        int | None, Opt("Pictures of the way to keep for each image; default: 8, or 48 with --animate.", min=0)
    ] = None
    animate: Annotated[
        str | None,
        Opt("Also an animation: FILE.gif, .webp or .mp4; of several images, one each.", metavar="FILE"),
    ] = None
    out: Annotated[
        str | None, Opt("Folder for the results; default: runs/MODEL/TECHNIQUE-HASH.", metavar="DIR", short="-o")
    ] = None

    @property
    def animation(self) -> str:
        """The suffix of `animate` in lower case; "" where none is asked for. Raises `UsageError`."""
        if self.animate is None:
            return ""
        suffix = PurePath(self.animate).suffix.lower()
        if suffix not in ANIMATIONS:
            raise UsageError(f"--animate {self.animate} ends in none of {', '.join(ANIMATIONS)}", "--animate way.gif")
        if self.frames == 0:
            raise UsageError("--animate needs pictures of the way, and --frames 0 keeps none", "leave --frames out")
        return suffix

    @property
    def frames_kept(self) -> int:
        """How many pictures of the way are kept for each image."""
        if self.frames is not None:
            return self.frames
        return _FRAMES if self.animate is None else _FRAMES_OF_AN_ANIMATION


AnyOptions = RunOptions | MakeOptions | SurveyOptions | LookOptions
