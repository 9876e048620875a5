"""A plan to start from: it runs as it is, and every option there is stands in it as a comment."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from viz.batch.reading import RUN_OPTIONS, shared_options
from viz.core.model_options import ModelOptions
from viz.core.options import Option, options_of, type_name
from viz.core.technique import techniques

_TO_START_WITH = "occlusion"  # needs no gradient and explains any model
_COMMENTS_FROM = 30  # column

_INTRODUCTION = """\
# A plan for `viz batch`: every model below explains every image with every technique, and one page shows all.
#
#   viz zoo samples samples
#   viz config check {name}
#   viz batch {name}
#
# The first makes the pictures that this plan uses, the second says whether the plan is right and where it is
# not, the third runs it; the same again does only what is missing.
#
# Lines such as `# limit =` are options, with their defaults: take the # away and give a value to set one.
# Their names are those of the flags, with - or _. Paths are relative to the folder in which viz is run.

title = "What the model looks at"
out = {out}  # a folder for each model and technique, and index.html, which shows them side by side
"""

_RUN = """
# How every technique runs; a [[techniques]] table can say otherwise for itself. Those that make images have a
# target of their own, and leave target and score alone.
[run]
"""

_MODEL = """
# One table for each model.
[[models]]
model = "zoo:shapes"  # FILE.onnx, zoo:NAME, package.module:factory, torchvision:NAME, FILE.pt2, a state dict …
# name = "shapes"  # of its folder and its column; default: from the model
"""

_TECHNIQUES = """
# One table for each technique; the same one may come several times with other options and other names.

"""

_SOURCES = """\
# One table for each set of images. With names, or where there are several, each has its own folder of results.
[[sources]]
images = ["samples/images"]  # files, folders (recursive), globs, @list.txt with one path a line
# name = "samples"  # default: from the path
"""

_SHARED = {option.name for option in RUN_OPTIONS}


def plan_template(name: str) -> str:
    """The text of a plan file called `name`, with all options of models, runs and registered techniques."""
    stem = name.removesuffix(".toml")
    parts = [_INTRODUCTION.format(name=name, out=_toml(f"runs/{stem}")), _RUN, _options(RUN_OPTIONS)]
    parts += [_MODEL, _options(options_of(ModelOptions)), _TECHNIQUES]
    parts += [_technique(technique) for technique in _starting_first()]
    return "".join([*parts, _SOURCES])


def _starting_first() -> Iterator[Any]:
    found = techniques()
    yield found[_TO_START_WITH]
    yield from (technique for name, technique in found.items() if name != _TO_START_WITH)


def _technique(technique: Any) -> str:
    info = technique.info
    mark = "" if info.name == _TO_START_WITH else "# "
    header = f'# {info.summary}\n{mark}[[techniques]]\n{mark}technique = "{info.name}"\n'
    named = f'# name = "{info.name}"  # of its folder and its column\n'
    further = [option for option in shared_options(technique) if option.name not in _SHARED]  # the others: in [run]
    return header + named + _options((*options_of(technique), *further)) + "\n"


def _options(options: Sequence[Option]) -> str:
    return "".join(_line(option) for option in options)


def _line(option: Option) -> str:
    """`# stride = 16    # Largest step.`; an option that is not set has its kind of value in the comment."""
    unset = option.required or option.default is None
    value, kind = ("", f" ({_kind(option)})") if unset else (_toml(option.default), "")
    return f"# {option.name} = {value}".rstrip().ljust(_COMMENTS_FROM) + f"  #{kind} {option.opt.help}\n"


def _kind(option: Option) -> str:
    return "|".join(option.opt.choices) or option.opt.metavar or type_name(option.type)


def _toml(value: Any) -> str:
    """JSON's words for texts, numbers, booleans and lists are also TOML's."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
