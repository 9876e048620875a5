"""`--target`, and the flags `--layer`, `--channel` and `--at` that say the same of a neuron."""

import inspect
from collections.abc import Mapping
from typing import Any

import typer

from viz.cli.arguments import build
from viz.core.neuron_options import NeuronOptions
from viz.core.options import options_of

# Who gave a value, the last before the others: the user's words, the environment, a file of defaults, nobody.
_WEIGHT = {"COMMANDLINE": 3, "ENVIRONMENT": 2, "DEFAULT_MAP": 1}


def has_neuron_flags(technique: Any) -> bool:
    """Whether a technique's command has these flags: not where a flag such as `--layer` is its own."""
    own = {option.name for option in options_of(technique)}
    return not own & {option.name for option in options_of(NeuronOptions)}


def context_parameter() -> inspect.Parameter:
    """Lets a command ask who gave its values."""
    return inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def was_given(context: typer.Context, name: str) -> bool:
    """Whether the user wrote this option into the command."""
    return _weight(context, name) == _WEIGHT["COMMANDLINE"]


def target_of(context: typer.Context, values: Mapping[str, Any]) -> str:
    """The text of the target that a command was given, as a text or in flags.

    What is typed wins over defaults from a file. Raises `UsageError` where both are given and differ.
    """
    flags, target = build(NeuronOptions, values), str(values["target"])
    for_flags = max(_weight(context, option.name) for option in options_of(NeuronOptions))
    for_target = _weight(context, "target")
    if for_target > for_flags:
        return target
    return flags.or_target(target, both_given=for_target == for_flags > 0)


def _weight(context: typer.Context, name: str) -> int:
    source = context.get_parameter_source(name)
    return _WEIGHT.get(source.name, 0) if source else 0
