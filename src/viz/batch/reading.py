"""A plan file -> a plan, or all that is wrong with the file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from viz.batch.document import Document, Place
from viz.batch.plan import Plan, PlannedModel, PlannedSource, PlannedTechnique
from viz.batch.values import Keys, option_values
from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.options import Option, options_of
from viz.core.run_options import AnyOptions, EngineOptions, ImageOptions, MakeOptions, RunOptions
from viz.core.sources.candidates import from_flags
from viz.core.technique import find, options_type

PLAN_KEYS = ("title", "out", "run", "models", "techniques", "sources")
# Where results go is the plan's to say, so that the page finds them.
RUN_OPTIONS = tuple(option for option in options_of(RunOptions) if option.name != "out")
MODEL_FILES = (".onnx", ".ort", ".pt", ".pth", ".pt2", ".safetensors")
_RESERVED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_EXAMPLES = {
    "models": 'model = "zoo:shapes"',
    "techniques": 'technique = "occlusion"',
    "sources": 'images = ["photos"]',
}


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file. Raises `InvalidFile` with every problem and its line, `UsageError` for no file."""
    document = Document(path)
    plan = plan_in(document)
    document.raise_problems()
    return plan


def plan_in(document: Document) -> Plan:
    """The plan in a document as far as it can be understood; what cannot is reported to the document."""
    for key in document.values:
        with document.at(key):
            if key not in PLAN_KEYS:
                raise UnknownName(
                    "key of a plan", key, PLAN_KEYS, "`viz config init` writes a plan with all that can be"
                )
    stem = document.path.stem
    techniques = tuple(_techniques(document, _defaults_of_runs(document)))
    needs_none = bool(techniques) and all(
        one.technique.info.makes in ("optional", "alone") for one in techniques if one.technique
    )
    if needs_none and "sources" not in document.values:
        sources: tuple[PlannedSource, ...] = (PlannedSource("", ()),)
    else:
        sources = tuple(_with_folders(list(_sources(document)), document.values.get("sources")))
    return Plan(
        path=document.path,
        title=_text(document, (), document.values, "title", stem),
        out=Path(_text(document, (), document.values, "out", f"runs/{stem}")).expanduser(),
        models=tuple(_models(document)),
        techniques=techniques,
        sources=sources,
    )


def _models(document: Document) -> Iterator[PlannedModel]:
    keys = Keys("model option", options_of(ModelOptions), ("name", "model"), check=_check_model_option)
    names: set[str] = set()
    for place, table in _tables(document, "models"):
        options = ModelOptions(**option_values(document, place, table, keys))
        with document.at(*place):
            from_flags(options)
        spec = _text(document, place, table, "model")
        with document.at(*place, "model"):
            _check_in_zoo(spec)
        name = _name(document, place, table, _model_name(spec), names)
        yield PlannedModel(name, spec, options, document.line(*place))


def _model_name(spec: str) -> str:
    """`resnet` for models/resnet.onnx, `resnet18` for torchvision:resnet18."""
    last = re.split(r"[:/\\]", spec)[-1]
    return last.removesuffix(PurePath(last).suffix) if last.lower().endswith(MODEL_FILES) else last


def _check_model_option(name: str, value: Any) -> None:
    from_flags(ModelOptions(**{name: value}))


def _check_in_zoo(spec: str) -> None:
    if spec.startswith("zoo:"):
        from viz.model_zoo.catalogue import find as find_in_zoo

        find_in_zoo(spec.removeprefix("zoo:"))


def _defaults_of_runs(document: Document) -> dict[str, Any]:
    """The [run] table: options for every technique that does not say otherwise."""
    table = document.values.get("run", {})
    if not isinstance(table, dict):
        document.report(UsageError(f"run is {table!r}", "write [run] and its keys below"), "run")
        return {}
    keys = Keys("run option", RUN_OPTIONS, (), _listing(table, "occlusion"), _check_run_option)
    return option_values(document, ("run",), table, keys)


def _listing(table: Mapping[str, Any], technique: str) -> str:
    """What to do about an unknown key of [run] or [[techniques]]."""
    return "results go where the plan's own `out` says" if "out" in table else f"`viz {technique} --help` lists them"


def _check_run_option(name: str, value: Any) -> None:
    checks = {"batch_size": "batch", "background": "background_colour", "shard": "share"}
    if name in checks:
        getattr(ImageOptions(**{name: value}), checks[name])


def _techniques(document: Document, defaults: Mapping[str, Any]) -> Iterator[PlannedTechnique]:
    names: set[str] = set()
    for place, table in _tables(document, "techniques"):
        asked, technique = _text(document, place, table, "technique"), None
        if not asked:
            continue
        with document.at(*place, "technique"):
            technique = find(asked)
        if technique is None:
            continue
        own, shared = options_of(technique), shared_options(technique)
        kind, others = f"option of {asked}", ("name", "technique")
        keys = Keys(kind, (*own, *shared), others, _listing(table, asked), _check_run_option)
        values = option_values(document, place, table, keys)
        mine = {option.name: values.pop(option.name) for option in own if option.name in values}
        name, instance = _name(document, place, table, asked, names), None
        with document.at(*place):  # a technique may refuse what its options' bounds allow
            instance = technique(**mine)
        options: AnyOptions = RunOptions()
        with document.at(*place):
            options = _how_to_run(technique, {**defaults, **values})
        yield PlannedTechnique(name, instance, options, document.line(*place))


def shared_options(technique: Any) -> tuple[Option, ...]:
    """The options that a technique's table may have besides its own."""
    found = options_of(options_type(technique.info.makes, technique.info.surveys))
    return tuple(option for option in found if option.name != "out")


def _how_to_run(technique: Any, values: Mapping[str, Any]) -> AnyOptions:
    """Options from [run] and the technique's own table; of [run], it leaves out what it does not know."""
    known = {option.name for option in shared_options(technique)}
    owner = options_type(technique.info.makes, technique.info.surveys)
    options = owner(**{name: value for name, value in values.items() if name in known})
    if isinstance(options, MakeOptions):
        _ = options.animation
    if isinstance(options, EngineOptions):
        options.check_engine()
    return options


def _sources(document: Document) -> Iterator[PlannedSource]:
    names: set[str] = set()
    for place, table in _tables(document, "sources"):
        option_values(document, place, table, Keys("key of a source", (), ("name", "images")))
        images = _images(document, place, table)
        if not images:
            continue
        name = _name(document, place, table, _source_name(images[0]), names)
        yield PlannedSource(name, images, line=document.line(*place))


def _images(document: Document, place: Place, table: Mapping[str, Any]) -> tuple[str, ...]:
    """What a source points at; empty where that cannot be used, which is then reported."""
    images = table.get("images")
    images = [images] if isinstance(images, str) else images
    if isinstance(images, list) and images and all(isinstance(one, str) and one for one in images):
        return tuple(images)
    problem = "images are missing" if images is None else f"images are {images!r}"
    hint = 'give a file, a folder, a glob or @list.txt, or several: images = ["photos", "more/*.jpg"]'
    document.report(UsageError(problem, hint), *place, "images")
    return ()


def _source_name(images: str) -> str:
    """`photos` for photos/*.jpg, `list` for @list.txt."""
    if images.startswith("@"):
        return PurePath(images).stem.removeprefix("@")
    parts = [part for part in PurePath(images).parts if not set(part) & set("*?[") and part not in ("..", "~", "/")]
    return parts[-1] if parts else "images"


def _with_folders(sources: list[PlannedSource], tables: Any) -> Iterator[PlannedSource]:
    """Sources with a name, or beside others, have folders of their own."""
    for source in sources:
        alone = len(tables) == 1 and "name" not in tables[0]
        yield source if alone else replace(source, folder=source.name)


def _tables(document: Document, key: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    tables = document.values.get(key)
    example = f"for example:  [[{key}]]  {_EXAMPLES[key]}"
    if not tables:
        document.report(UsageError(f"the plan has no {key}", example), key)
    elif not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        document.report(UsageError(f"{key} has to be tables with two brackets, [[{key}]]", example), key)
    else:
        yield from (((key, index), table) for index, table in enumerate(tables))


def _text(document: Document, place: Place, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """A text of a table; "" where it is missing or no text, which is then reported."""
    value = table.get(key, default)
    if isinstance(value, str) and value.strip():
        return value
    example = next((e for e in _EXAMPLES.values() if e.startswith(f"{key} =")), f'{key} = "…"')
    problem = f"{key} is missing" if value is None else f"{key} is {value!r}, and has to be a text in quotes"
    document.report(UsageError(problem, f"for example: {example}"), *place, key)
    return ""


def _name(document: Document, place: Place, table: Mapping[str, Any], default: str, taken: set[str]) -> str:
    """The name of a table's folder and column; reported where it cannot be one, or is another one's already."""
    name = _text(document, place, table, "name", _RESERVED.sub("_", default).strip(" .") or str(place[0]))
    with document.at(*place, "name"):
        if _RESERVED.search(name) or name != name.strip(" .") or len(name) > 80:
            hint = 'leave out < > : " / \\ | ? *, spaces and dots at the ends; 80 characters at most'
            raise UsageError(f"the name {name!r} cannot be a folder's", hint)
        if name.casefold() in taken:
            raise UsageError(f"two {place[0]} are called {name!r}", 'give this one another name: name = "…"')
        taken.add(name.casefold())
    return name
