"""What a technique is, and the list of those there are. One technique = one file = one command."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal, Protocol, dataclass_transform

from viz.core import options
from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.result import FloatArray, Result
from viz.core.run_options import AnyOptions, LookOptions, MakeOptions, RunOptions, SurveyOptions
from viz.core.target import Target
from viz.core.technique_listing import command_name, summary_of

Makes = Literal["", "required", "optional", "alone"]


class Technique(Protocol):
    """A frozen dataclass whose fields are its options and whose call is the algorithm.

    This is the per-image shape: images (b, 3, h, w) in [0, 1], one target per image, one result per
    image, in order.
    """

    info: ClassVar["TechniqueInfo"]

    def __call__(self, model: Adapter, images: FloatArray, targets: Sequence[Target]) -> Sequence[Result | ImageError]:
        """Run the technique on a batch of images; an `ImageError` stands where there is no result for one."""
        ...

    def passes(self, size: tuple[int, int]) -> int:
        """Forward passes per image of a model with input `size`; for estimates."""
        ...


@dataclass(frozen=True)
class TechniqueInfo:
    """What the registry knows of a technique.

    `makes` is empty for one that makes no images. One that makes some says whether it needs photos to do so, may
    be given some, or looks at the model alone: see `viz.core.making.Maker`. `surveys` is for one that looks at a
    whole folder: see `viz.core.surveying.Survey`. Any other explains images one by one.
    """

    name: str
    family: str
    summary: str
    source: str
    needs_gradient: bool
    images_per_call: int
    smoke: dict[str, Any]
    makes: Makes = ""
    surveys: bool = False

    @property
    def explains(self) -> bool:
        """Whether it has one result for each image and target: the shape that maps can be compared of."""
        return not self.makes and not self.surveys


_registry: dict[str, type[Any]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def technique(
    *,
    source: str,
    name: str = "",
    needs_gradient: bool = False,
    images_per_call: int = 8,
    smoke: dict[str, Any] | None = None,
    makes: Makes = "",
    surveys: bool = False,
) -> Callable[[type[Any]], type[Any]]:
    """Turn a class into a technique: frozen, checked, registered under `name`, or its own name in kebab-case.

    `source` is the paper and equation; `smoke` are tiny settings for `viz smoke`; `images_per_call`
    is how many images share a call, so that batches can run across images.
    """

    def register(cls: type[Any]) -> type[Any]:
        frozen: type[Any] = declared(cls)
        _refuse_taken_names(frozen, options_type(makes, surveys))
        frozen.info = TechniqueInfo(
            name=name or command_name(cls.__name__),
            family=(["", *cls.__module__.split(".")])[-2] or "yours",
            summary=summary_of(cls.__doc__ or ""),
            source=source,
            needs_gradient=needs_gradient,
            images_per_call=images_per_call,
            smoke=smoke or {},
            makes=makes,
            surveys=surveys,
        )
        _registry[frozen.info.name] = frozen
        return frozen

    return register


def options_type(makes: Makes, surveys: bool) -> type[AnyOptions]:
    """The options that a technique's command has besides the technique's own and the model's."""
    if surveys:
        return SurveyOptions
    if makes:
        return LookOptions if makes == "alone" else MakeOptions
    return RunOptions


def declared(cls: type[Any]) -> Any:
    """The class as a frozen dataclass whose fields are options, each held against its `Opt` when one is made."""
    cls.__post_init__ = _checked(cls.__dict__.get("__post_init__"))
    return dataclass(frozen=True, kw_only=True)(cls)


def _refuse_taken_names(cls: type[Any], run_options: type[Any]) -> None:
    """An option that every command has already cannot be a technique's own: it would be two flags of one name."""
    taken = {option.name for owner in (ModelOptions, run_options) for option in options.options_of(owner)}
    for option in options.options_of(cls):
        if option.name in taken:
            raise TypeError(f"{cls.__name__}.{option.name}: every command has {option.flag} already; take another name")


def _checked(more: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """A `__post_init__` that holds every value against its `Opt`, then does what the class asks for."""

    def post_init(self: Any) -> None:
        for option in options.options_of(type(self)):
            options.check_value(option, getattr(self, option.name))
        if more is not None:
            more(self)

    return post_init


@cache
def techniques() -> dict[str, type[Any]]:
    """Every technique by name: the built-in ones, then those of installed packages."""
    import_modules_below("viz.techniques")
    for entry in entry_points(group="viz.techniques"):
        entry.load()
    return dict(sorted(_registry.items()))


def explainers() -> dict[str, type[Any]]:
    """The techniques that explain images, by name."""
    return {name: one for name, one in techniques().items() if one.info.explains}


def find(name: str) -> type[Any]:
    """The technique called `name`; raises `UnknownName` with the nearest ones."""
    try:
        return techniques()[name]
    except KeyError:
        raise UnknownName("technique", name, techniques(), "`viz --help` lists all techniques") from None


def find_explainer(name: str) -> type[Any]:
    """The technique called `name`; also raises `UsageError` for one that has no map for each image."""
    found = find(name)
    if not found.info.explains:
        does = "looks at all images together" if found.info.surveys else "makes images"
        raise UsageError(
            f"{name} {does} and explains none, so that there are no maps to compare",
            f"`viz {name} --model M` runs it by itself, a plan (`viz config init`) with others",
        )
    return found


def settings(instance: Any) -> dict[str, Any]:
    """A technique's options as plain values, for run.json and for the run's hash."""
    return dataclasses.asdict(instance)


def import_modules_below(package: str) -> None:
    """Import every public module of a package, so that what it declares is registered."""
    for module in _modules_below(package):
        importlib.import_module(module)


def _modules_below(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        if not module.name.rsplit(".", 1)[-1].startswith("_"):
            yield module.name
