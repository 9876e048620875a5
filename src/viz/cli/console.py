"""What goes where: results to stdout; progress, warnings and errors to stderr."""

import sys

from rich.console import Console

_PLAIN_WIDTH = 160  # columns where there is no terminal to ask: a log or a pipe

results = Console(soft_wrap=True, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else _PLAIN_WIDTH)
