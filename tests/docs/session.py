"""Runs a page's blocks from the top, in one folder, as a reader would: files written, commands typed, Python run."""

import contextlib
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from tests.docs.pages import Block
from viz.cli import main

_AS_IN_A_SHELL = f'viz() {{ "{sys.executable}" -m viz "$@"; }}; python() {{ "{sys.executable}" "$@"; }}\n'
_QUOTED = re.compile(r"""'[^']*'|"[^"$`]*\"""")


@dataclass
class Session:
    """One page's folder, its Python names, and how its last command ended."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})
    code: int = 0
    in_process: bool = True

    def run(self, block: Block) -> None:
        """Run one block; raises AssertionError where it does not do what the page says."""
        if block.title:
            self._write(block)
        elif block.language == "python":
            self._python(block)
        else:
            self._console(block)

    def _write(self, block: Block) -> None:
        path = self.folder / block.title
        assert path.resolve().is_relative_to(self.folder.resolve()), f"{block.title} lies outside of the page's folder"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        importlib.invalidate_caches()
        if path.name == "pyproject.toml":
            self._install(block.text)
        if ".github/workflows" in block.title:
            self._workflow(block)

    def _install(self, text: str) -> None:
        """What `pip install --editable .` tells Python of a package's entry points; nothing is downloaded.

        From here on commands run in processes of their own: what they load must not stay in this one.
        """
        project = tomllib.loads(text)["project"]
        info = self.folder / f"{project['name'].replace('-', '_')}.egg-info"
        info.mkdir()
        (info / "PKG-INFO").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
        groups = [(name, "".join(f"{k} = {v}\n" for k, v in g.items())) for name, g in project["entry-points"].items()]
        written = "".join(f"[{name}]\n{lines}" for name, lines in groups)
        (info / "entry_points.txt").write_text(written, encoding="utf-8")
        self.in_process = False

    def _workflow(self, block: Block) -> None:
        """The viz commands of a CI workflow, each of which must succeed."""
        jobs = yaml.safe_load(block.text)["jobs"].values()
        lines = [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]
        commands = [line for line in lines if line.startswith("viz ")]
        assert commands, "a workflow without a viz command shows nothing"
        for command in commands:
            self._check(block, command, [], "")

    def _python(self, block: Block) -> None:
        code = compile("\n" * block.line + block.text, block.page, "exec")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            exec(code, self.names)
        expected = re.findall(r"^ *print\(.*\)  # (.*)$", block.text, re.MULTILINE)
        if expected:
            _compare(f"{block.page}:{block.line}", expected, out.getvalue())

    def _console(self, block: Block) -> None:
        typed = list(_commands(block.text))
        following = [command for command, _ in typed[1:]] + [""]
        for (command, expected), next_command in zip(typed, following, strict=True):
            self._check(block, command, expected, next_command)

    def _check(self, block: Block, command: str, expected: list[str], next_command: str) -> None:
        """Run a command; it may only fail where the page goes on to show its exit code."""
        self.code, output = self._viz(command) if self._is_plain_viz(command) else self._bash(command)
        where = f"{block.page}:{block.line}: $ {command}"
        assert self.code == 0 or next_command == "echo $?", f"{where}\nended with {self.code}:\n{output}"
        if expected:
            _compare(where, expected, output)

    def _is_plain_viz(self, command: str) -> bool:
        """A viz command that no shell has to take apart; it can run in this process, which is faster."""
        return (
            self.in_process and command.startswith("viz ") and not set("|&;<>$`*?~\n") & set(_QUOTED.sub("", command))
        )

    def _viz(self, command: str) -> tuple[int, str]:
        out = io.StringIO()  # both streams, in the order in which a terminal shows them
        argv = mock.patch.object(sys, "argv", shlex.split(command))
        with argv, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                main()
            except SystemExit as end:
                return int(end.code or 0), out.getvalue()

    def _bash(self, command: str) -> tuple[int, str]:
        script = f"{_AS_IN_A_SHELL}(exit {self.code})\n{command}"
        found = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return found.returncode, found.stdout


@contextlib.contextmanager
def session_in(folder: Path) -> Iterator[Session]:
    """A session; what it imports from its folder is forgotten afterwards."""
    before, here = set(sys.modules), Path.cwd()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    try:
        yield Session(folder)
    finally:
        os.chdir(here)
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
                del sys.modules[name]


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines of output below it; a \\ at the end joins lines."""
    command, output = "", []
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], []
        else:
            output.append(line)
    assert command, f"a console block without a command:\n{text}"
    yield command, output


def _compare(where: str, expected: list[str], output: str) -> None:
    """Spaces do not count; a line `...` stands for any lines, `...` within a line for any text."""
    wanted, actual = _lines(expected), _lines(output.splitlines())
    pattern = "".join("(?:.*\n)*?" if line == "..." else _pattern(line) for line in wanted)
    whole = "".join(f"{line}\n" for line in actual)
    assert re.fullmatch(pattern, whole), f"{where}\nthe page says:\n{chr(10).join(wanted)}\n\nit printed:\n{whole}"


def _lines(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if line.strip()]


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("...")) + "\n"
