"""Options declared as dataclass fields, as parameters of a Typer command and back."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, TypeVar, get_args, get_origin

import typer

from viz.core.options import Option, options_of

T = TypeVar("T")


def parameters(owner: type, panel: str) -> list[inspect.Parameter]:
    """One keyword parameter per option of `owner`, with its help, bounds and choices."""
    return [_parameter(option, panel) for option in options_of(owner)]


def _parameter(option: Option, panel: str) -> inspect.Parameter:
    opt = option.opt
    kind = _typer_type(option)
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    declared = typer.Option(
        *_flags(option),
        help=opt.help,
        min=opt.min,
        max=opt.max,
        metavar=opt.metavar or None,
        rich_help_panel=panel,
        show_envvar=False,
        show_default=option.default not in (None, (), False),
    )
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, declared]
    )


def _flags(option: Option) -> list[str]:
    return [option.flag, *([option.opt.short] if option.opt.short else [])]


def _typer_type(option: Option) -> Any:
    """tuple[str, ...] becomes list[str]; choices become a Literal, so that Typer lists and completes them."""
    kind = option.type
    if get_origin(kind) is tuple:
        return list.__class_getitem__(get_args(kind)[0])
    if option.opt.choices:
        literal: Any = Literal.__getitem__(option.opt.choices)
        return Optional.__getitem__(literal) if option.default is None else literal
    return kind


def build(owner: type[T], values: Mapping[str, Any]) -> T:
    """An instance of `owner` from the values that Typer parsed for its options."""
    given = {option.name: values[option.name] for option in options_of(owner)}
    return owner(**{n: tuple(v) if isinstance(v, list) else v for n, v in given.items()})


def command(
    body: Callable[..., Any], groups: Sequence[tuple[type, str]], leading: Sequence[inspect.Parameter]
) -> Callable[..., Any]:
    """`body(**values)` as a function whose signature Typer can read: `leading`, then all options of `groups`."""

    def call(**values: Any) -> Any:
        return body(**values)

    options = [parameter for owner, panel in groups for parameter in parameters(owner, panel)]
    call.__signature__ = inspect.Signature([*leading, *options])  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in [*leading, *options]}
    return call


def model_parameter(default: str | None = None) -> inspect.Parameter:
    """`--model`, required where there is no default."""
    declared = typer.Option(
        "--model",
        "-m",
        help="FILE.onnx, zoo:NAME, package.module:factory, torchvision:NAME, timm:NAME, FILE.pt2, a state dict …",
        metavar="MODEL",
        envvar="VIZ_MODEL",
    )
    return inspect.Parameter(
        "model",
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is None else default,
        annotation=Annotated[str, declared],
    )


def sources_parameter() -> inspect.Parameter:
    """The images: files, folders, globs, @lists."""
    declared = typer.Argument(
        help="Images, folders (recursive), globs in quotes, or @list.txt.", metavar="SOURCE...", show_default=False
    )
    return inspect.Parameter("sources", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[list[str], declared])


def optional_sources_parameter() -> inspect.Parameter:
    """Photos for a command that also makes something without any."""
    declared = typer.Argument(
        help="Photos to use, where the options above make use of any: files, folders, globs in quotes, or @list.txt.",
        metavar="SOURCE...",
        show_default=False,
    )
    return inspect.Parameter(
        "sources",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[list[str] | None, declared],
    )


def flag_parameter(name: str, kind: Any, default: Any, text: str, panel: str, short: str = "") -> inspect.Parameter:
    """A further option of one command."""
    declared = typer.Option(
        "--" + name.replace("_", "-"), *([short] if short else []), help=text, rich_help_panel=panel
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, declared]
    )


def flowing(text: str) -> str:
    """Help text with each paragraph in one line, for the terminal to wrap."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
