"""The Python API's reference page, from the source of every public name: signature, docstring, members."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from generated_cli import anchor

import viz
from viz.core.adapter import Layer, ReceptiveField, Scores
from viz.core.kernel import Kernel
from viz.core.labels import Labels
from viz.core.options import options_of
from viz.core.technique import techniques
from viz.runs import RunSummary
from viz.surveying import SurveySummary

INTRODUCTION = """\
# Python

What `import viz` gives, each name loaded when it is first used. Images are `(b, 3, h, w)` float32 arrays, RGB in
[0, 1]; preprocessing is the model's own business. Everything that a user can put right is raised as a
[`VizError`](#vizerror).
"""
GIVEN = (RunSummary, SurveySummary, Layer, ReceptiveField, Kernel, Scores, Labels)
GIVEN_TITLE = "## What these give\n\nClasses that need no importing: functions and attributes above give them.\n"
_SECTION = re.compile(r"^(Attributes|Args):$")
_ITEM = re.compile(r"^ {4}([\w, ]+): (.*)$")


def python_page() -> str:
    """The whole page as Markdown."""
    names = {name: _resolved(name) for name in viz.__all__}
    table = ["| Name | |", "|---|---|"]
    table += [f"| [`{name}`](#{name.lower()}) | {_summary(found)} |" for name, found in names.items()]
    sections = [_section(name, found) for name, found in names.items()]
    given = [_section(found.__name__, found, mark="###") for found in GIVEN]
    return "\n".join([INTRODUCTION, *table, "", *sections, GIVEN_TITLE, *given, _techniques()])


def _resolved(name: str) -> Any:
    """The function or class, also where a subpackage of the same name has been imported."""
    module, _, attribute = viz._HOMES[name].partition(":")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


def _summary(found: Any) -> str:
    text = inspect.cleandoc(found.__doc__ or "")
    return _prose(text.split("\n\n", maxsplit=1)[0])


def _section(name: str, found: Any, mark: str = "##") -> str:
    found = inspect.unwrap(found)
    node = ast.parse(textwrap.dedent(inspect.getsource(found))).body[0]
    if isinstance(node, ast.ClassDef):
        return "\n\n".join([f"{mark} {name}", *_class(name, found, node)]) + "\n"
    assert isinstance(node, ast.FunctionDef), f"{name} is neither a class nor a function"
    return "\n\n".join([f"{mark} {name}", f"`{_signature(name, node)}`", _markdown(ast.get_docstring(node))]) + "\n"


def _class(name: str, found: type, node: ast.ClassDef) -> Iterator[str]:
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) != "ABC"]
    yield f"`class {name}{f'({bases[0]})' if bases else ''}`"
    yield _markdown(ast.get_docstring(node))
    if _has_options(found):
        yield _options(found)
    elif is_dataclass(found):
        yield f"Fields: {', '.join(f'`{text}`' for text in _fields(node))}."
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            yield f"`{_signature(name, member)}`"
        elif isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
            yield _member(member)


def _member(node: ast.FunctionDef) -> str:
    is_property = any(ast.unparse(one) in ("property", "cached_property") for one in node.decorator_list)
    value = f"{node.name}: {ast.unparse(node.returns)}" if node.returns else node.name
    written = value if is_property else _signature(node.name, node)
    return f"`.{written}`\n:   {_prose(ast.get_docstring(node) or '')}"


def _signature(name: str, node: ast.FunctionDef) -> str:
    returned = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    return f"{name}({', '.join(_parameters(node.args))}){returned}"


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """Each parameter as it is written in the source, without `self`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for one, default in zip(positional, defaults, strict=True):
        if one.arg != "self":
            yield _parameter(one, default)
    if arguments.kwonlyargs:
        yield "*"
    for one, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(one, keyword_default)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    assert argument.annotation is not None, "every public function is typed"
    return f"{argument.arg}: {ast.unparse(argument.annotation)}{f' = {ast.unparse(default)}' if default else ''}"


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for member in node.body:
        if isinstance(member, ast.AnnAssign):
            default = f" = {ast.unparse(member.value)}" if member.value else ""
            yield f"{ast.unparse(member.target)}: {ast.unparse(member.annotation)}{default}"


def _has_options(found: type) -> bool:
    try:
        return is_dataclass(found) and bool(options_of(found))
    except TypeError:  # a field without an Opt: a plain dataclass
        return False


def _options(found: type) -> str:
    rows = [f"| `{o.name}` | `{o.default!r}` | {_escaped(o.opt.help)} |" for o in options_of(found)]
    return "\n".join(["| Keyword | Default | Meaning |", "|---|---|---|", *rows])


def _techniques() -> str:
    lines = ["## Techniques\n", "| Technique | Family | What it does | Source |", "|---|---|---|---|"]
    for info in (one.info for one in techniques().values()):
        link = f"[`{info.name}`](cli.md#{anchor(f'viz {info.name}')})"
        lines.append(f"| {link} | {info.family} | {_escaped(info.summary)} | {info.source} |")
    lines.append(
        '\n`viz.find_technique("NAME")` gives the class; its keyword arguments are the options of its command.'
    )
    return "\n".join(lines) + "\n"


def _markdown(docstring: str | None) -> str:
    """A docstring as Markdown: `Attributes:` and `Args:` become lists, the rest stays prose."""
    blocks: list[str] = []
    for paragraph in (docstring or "").split("\n\n"):
        lines = paragraph.splitlines()
        if lines and _SECTION.match(lines[0]):
            blocks += _listed(lines[1:])
        else:
            blocks.append(_prose(paragraph))
    return "\n\n".join(blocks)


def _listed(lines: list[str]) -> Iterator[str]:
    """A list of the described names, and a paragraph for what follows them in the same block."""
    items: list[str] = []
    rest: list[str] = []
    for line in lines:
        if match := _ITEM.match(line):
            items.append(f"- `{match[1]}`: {_escaped(match[2])}")
        elif line.startswith("    "):
            items[-1] += " " + _escaped(line.strip())
        else:
            rest.append(line)
    yield "\n".join(items)
    if rest:
        yield _prose("\n".join(rest))


def _prose(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Angle brackets outside of code would be read as HTML, bars as the edges of table cells."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts).replace("|", "\\|")
