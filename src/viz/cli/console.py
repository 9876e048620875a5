"""What goes where: results to stdout; progress, warnings and errors to stderr."""

from rich.console import Console

results = Console(soft_wrap=True)
errors = Console(stderr=True)
