"""The built-in techniques by name and summary, read from their source: a list without importing any of them."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

_DECLARED = re.compile(r'^@technique\((.*?)^class (\w+)[^\n]*:\n\s+"""(.*?)"""', re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r'^    name="([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Listed:
    """A technique as it is listed: its command's name, its family, one sentence."""

    name: str
    family: str
    summary: str


def listed_techniques() -> list[Listed]:
    """The techniques that come with viz, by name."""
    return sorted(_listed(Path(str(files("viz") / "techniques"))), key=lambda one: one.name)


def _listed(folder: Path) -> Iterator[Listed]:
    for file in folder.glob("*/[!_]*.py"):
        for decorator, class_name, doc in _DECLARED.findall(file.read_text(encoding="utf-8")):
            named = _NAMED.search(decorator)
            yield Listed(named[1] if named else command_name(class_name), file.parent.name, summary_of(doc))


def command_name(class_name: str) -> str:
    """`GradCam` -> `grad-cam`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_name).lower()


def summary_of(doc: str) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join(inspect.cleandoc(doc).split("\n\n")[0].split())
