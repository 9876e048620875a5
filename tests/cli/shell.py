"""`viz` as a shell sees it: words in, exit code and two texts out, in this process."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from viz.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """stderr with its line wraps undone, so that a sentence can be looked for."""
        return " ".join(self.err.split())


def viz(*words: str) -> Done:
    """Run `viz` with these words, from its real entry point on."""
    out, err = io.StringIO(), io.StringIO()
    argv = mock.patch.object(sys, "argv", ["viz", *words])
    with argv, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())
