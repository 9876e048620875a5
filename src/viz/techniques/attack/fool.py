"""Fool: the smallest change that makes a photo look like something else to the model; or noise that does."""

from collections.abc import Sequence
from typing import Annotated

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.making import GivenPhoto, Photos, Picture, Piece, Watch
from viz.core.options import Opt, options_of
from viz.core.technique import technique

_GROUP = 16  # pictures that are made together
_ATTACKS = ("szegedy", "fgsm", "pgd", "deepfool", "carlini-wagner")
_BOUNDED = ("fgsm", "pgd")
_GRADIENTS = {"szegedy": 200, "fgsm": 1, "pgd": 40, "deepfool": 50, "carlini-wagner": 900}
_MENDING = 60  # passes in which a picture is brought to whole pixel values
_NOISE_STEPS, _GENERATIONS = 400, 2000

# Which attacks an option is for; "noise" and its encodings are what --from noise does.
_ENCODINGS = ("gradient", "direct", "cppn")
_FOR: dict[str, tuple[str, ...]] = {
    "attack": _ATTACKS,
    "epsilon": _BOUNDED,
    "norm": _BOUNDED,
    "steps": ("szegedy", "pgd", "deepfool", "carlini-wagner", "gradient"),
    "step_size": ("pgd",),
    "learning_rate": ("carlini-wagner",),
    "margin": _ATTACKS,
    "resolution": _ATTACKS,
    "encoding": _ENCODINGS,
    "confidence": _ENCODINGS,
    "generations": ("direct", "cppn"),
}


@technique(
    source="Szegedy et al. 2013, section 4.1, arXiv 1312.6199; Goodfellow et al. 2014, arXiv 1412.6572; Madry et al. "
    "2017, arXiv 1706.06083; Moosavi-Dezfooli et al. 2015, arXiv 1511.04599; Carlini & Wagner 2016, arXiv 1608.04644; "
    "Nguyen et al. 2015, arXiv 1412.1897",
    needs_gradient=True,
    makes="optional",
    smoke={"attack": "pgd", "steps": 4, "resolution": "model", "target": ("top2",)},
)
class Fool:
    """Change a photo as little as possible so that the model takes it for another class, or make noise it believes.

    A success is one of the file: the picture is rounded to 8 bits, mended where rounding undid the effect, and what
    is saved is read, resized and cropped as any photo and run through the model. Distances are those of the saved
    picture, in pixel values of 0 to 1. The perturbation is at the photo's own resolution wherever that is feasible.
    `--from noise` needs no photo; its encodings direct and cppn need no gradient either.
    """

    attack: Annotated[
        str,
        Opt(
            "szegedy, deepfool and carlini-wagner look for the smallest distance; fgsm, pgd stay inside --epsilon.",
            choices=_ATTACKS,
        ),
    ] = "szegedy"
    target: Annotated[
        tuple[str, ...],
        Opt(
            "A class, or 0-9 for several, least-likely (default), random, top2, …, label, untargeted (any other); "
            "with --from noise a class, all, or random (default). Several: again."
        ),
    ] = ()
    start: Annotated[str, Opt("From a photo, or from noise.", choices=("photo", "noise"), flag="--from")] = "photo"
    epsilon: Annotated[
        float | None,
        Opt("Largest distance for fgsm and pgd; default: 8/255 (0.0314), with --norm l2 an RMS of 2/255.", min=0.001),
    ] = None
    norm: Annotated[str, Opt("What --epsilon measures.", choices=("linf", "l2"))] = "linf"
    steps: Annotated[
        int | None,
        Opt(
            "Gradients for each picture, at most; default: szegedy 200, pgd 40, deepfool 50, carlini-wagner 900, "
            f"from noise {_NOISE_STEPS}.",
            min=1,
        ),
    ] = None
    step_size: Annotated[float | None, Opt("Step of pgd; default: 5 epsilon / steps, falling to 0.", min=1e-6)] = None
    learning_rate: Annotated[float | None, Opt("Of carlini-wagner's Adam; default: 0.01.", min=1e-6)] = None
    margin: Annotated[float, Opt("By how much the class must lead all others, as a score before softmax.", min=0)] = 0.0
    resolution: Annotated[
        str,
        Opt(
            "Where the perturbation lives: photo (its own pixels, up to 4 megapixels), model (the part that the model "
            "sees, at its size), or auto: photo where it can be.",
            choices=("auto", "photo", "model"),
        ),
    ] = "auto"
    encoding: Annotated[
        str, Opt("With --from noise: gradient ascent, or evolution of pixels or of CPPNs.", choices=_ENCODINGS)
    ] = "gradient"
    confidence: Annotated[
        float | None, Opt("With --from noise: the probability to reach; default: 0.996.", min=0.0, max=1.0)
    ] = None
    generations: Annotated[int | None, Opt(f"Of the evolution, at most; default: {_GENERATIONS}.", min=1)] = None
    seed: Annotated[int, Opt("Seed of random targets, starts and mutations.", min=0)] = 0

    def __post_init__(self) -> None:
        """Refuse options that the attack has no use for."""
        doing = self.encoding if self.start == "noise" else self.attack
        for option in options_of(type(self)):
            if doing not in _FOR.get(option.name, (doing,)) and getattr(self, option.name) != option.default:
                raise UsageError(
                    f"{option.flag} means nothing to {self._title(doing)}", f"it is for {_uses(option.name)}"
                )
        if "untargeted" in self.target and doing == "szegedy":
            others = ", ".join(_ATTACKS[1:])
            raise UsageError("--attack szegedy goes towards a class and needs one", f"untargeted: --attack {others}")

    def pieces(self, model: Adapter, photos: Photos) -> list[list[Piece]]:
        """One picture for each photo and target, or for each class from noise."""
        if self.start == "noise":
            return self._noise_pieces(model, photos)
        from viz.techniques.attack._wanted_classes import checked

        if not len(photos):
            raise UsageError("no photo to start from", "name a file or folder, or take --from noise")
        targets = checked(self.target or ("least-likely",), model)
        several = len(targets) > 1
        made = [
            Piece(f"{name} {text}" if several else name, text, i, name if several else "", text if several else "")
            for i, name in enumerate(photos.names)
            for text in targets
        ]
        return _grouped(made)

    def __call__(
        self, model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto | None], photos: Photos, watch: Watch
    ) -> list[Picture | ImageError]:
        """One picture for each piece. Raises `NotSupported` where no gradient reaches the pixels."""
        if self.start == "noise":
            from viz.techniques.attack._noise import fooling_images

            classes = [piece.asked for piece in pieces]
            limit = self.gradients if self.encoding == "gradient" else self.generations or _GENERATIONS
            confidence = 0.996 if self.confidence is None else self.confidence
            return fooling_images(model, classes, self.encoding, confidence, limit, self.seed, watch)
        from viz.techniques.attack._fooling_photos import fooled_photos

        return fooled_photos(self, model, pieces, [photo for photo in given if photo is not None], watch)

    @property
    def gradients(self) -> int:
        """Gradients for each picture, at most."""
        return self.steps or (_NOISE_STEPS if self.start == "noise" else _GRADIENTS[self.attack])

    def passes(self, size: tuple[int, int]) -> int:
        """Forward and backward passes for each picture."""
        if self.start == "noise" and self.encoding != "gradient":
            return self.generations or _GENERATIONS
        mending = 0 if self.start == "noise" else _MENDING
        return 2 * self.gradients + mending

    def _noise_pieces(self, model: Adapter, photos: Photos) -> list[list[Piece]]:
        from viz.techniques.attack._wanted_classes import noise_classes

        if len(photos):
            raise UsageError("--from noise starts from no photo", "leave the photos out")
        classes = noise_classes(self.target or ("random",), model, self.seed)
        made = [Piece(f"{index} {model.labels.name(index).split(',')[0]}", index) for index in classes]
        # Classes evolve in one population: what one has found helps others.
        return _grouped(made) if self.encoding == "gradient" else [made]

    def _title(self, doing: str) -> str:
        return f"--from noise --encoding {doing}" if self.start == "noise" else f"--attack {doing}"


def _grouped(pieces: list[Piece]) -> list[list[Piece]]:
    return [pieces[i : i + _GROUP] for i in range(0, len(pieces), _GROUP)]


def _uses(name: str) -> str:
    """What an option is for, as it is typed."""
    attacks = [use for use in _FOR[name] if use in _ATTACKS]
    encodings = [use for use in _FOR[name] if use in _ENCODINGS]
    said = ["--attack " + ", ".join(attacks)] if attacks else []
    return " and ".join(said + (["--from noise --encoding " + ", ".join(encodings)] if encodings else []))
