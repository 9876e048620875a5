"""The command line: parses, runs, prints. Errors become a message, the next step and an exit code."""

import os
import sys
from importlib.metadata import entry_points
from typing import Any, NoReturn

from viz.core.errors import ExitCode, VizError


def main() -> NoReturn:
    """Run `viz` with the arguments of this process and exit with the documented code."""
    try:
        code = _app()(standalone_mode=False)
        if code == 130:  # Typer's word for Ctrl-C
            _say_interrupted()
    except VizError as problem:
        _explain(problem)
        code = problem.exit_code
    except KeyboardInterrupt:
        _say_interrupted()
        code = 130
    except BrokenPipeError:  # `viz predict … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    except Exception as problem:  # the last stop: said as a bug, with how to report it
        code = _usage_code(problem)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _say_interrupted() -> None:
    from viz.cli.console import errors

    errors.print("interrupted; the same command continues where this one stopped")


def _app() -> Any:
    """All commands; only their list where no more is asked for and no other package adds to it."""
    if sys.argv[1:] in ([], ["-h"], ["--help"]) and not entry_points(group="viz.techniques"):
        from viz.cli.top import overview

        return overview()
    from viz.cli.app import app

    return app


def _explain(problem: VizError) -> None:
    from viz.cli.console import errors

    errors.print(f"[bold red]error[/]: {_plain(problem.problem)}", highlight=False, soft_wrap=True)
    if problem.next_step:
        errors.print(f"[dim]→[/] {_plain(problem.next_step)}", highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _usage_code(problem: Exception) -> int:
    """Typer's own usage errors print themselves; anything else is a bug of ours."""
    show, code = getattr(problem, "show", None), getattr(problem, "exit_code", None)
    if callable(show) and isinstance(code, int):
        show()
        return code
    from viz.cli.console import errors

    errors.print_exception(show_locals=False)
    errors.print(
        "[bold red]internal error[/]: this is a bug in viz. Please report it with the command, the text above "
        "and the versions (`viz --version`); finished images are safe in the run folder.",
        highlight=False,
    )
    return ExitCode.INTERNAL
