"""The Markdown pages of the project and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the name of the file that it is (title="…"), its text, and its line in the page."""

    page: str
    line: int
    language: str
    title: str
    is_test: bool
    text: str

    @property
    def first_line(self) -> str:
        """What names the block in a list of those that are not run."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")

    @property
    def is_executed(self) -> bool:
        """Whether a test runs it, or writes it as the file that it is."""
        return self.is_test and (self.language in ("console", "python") or bool(self.title))


def pages() -> list[str]:
    """Every page's path below the repository."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, from the top."""
    return list(blocks_in(page, (ROOT / page).read_text(encoding="utf-8")))


def blocks_in(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a text."""
    for match in _FENCE.finditer(text):
        language, _, attributes = match["info"].strip().partition(" ")
        title = re.search(r'title="([^"]+)"', attributes)
        line = text.count("\n", 0, match.start()) + 1
        is_test = "no-test" not in attributes.split()
        yield Block(page, line, language, title[1] if title else "", is_test, dedent(match["body"]))
