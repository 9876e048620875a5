"""What in a torch.export archive would be run as Python when it is loaded, found before that happens.

torch.export.load evaluates the sizes that it reads (through sympy) and writes the names of weights and
inputs into code that it compiles. Here sizes must be arithmetic and names be names.
"""

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[\w.$@:<>/ -]*")
_WORD = re.compile(r"\w*")
_EXPRESSIONS = ("expr_str", "guards_code")

_ARITHMETIC = (
    ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Subscript, ast.Tuple, ast.keyword,
    ast.Load, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_FUNCTIONS = frozenset(
    "Abs Add And CeilDiv CeilToInt CleanDiv Eq Equality Float FloatPow FloatTrueDiv FloorDiv FloorToInt Ge GreaterThan "
    "Gt ITE Identity IntTrueDiv Integer IsNonOverlappingAndDenseIndicator LShift Le LessThan Lt Max Min Mod "
    "ModularIndexing Mul Ne Not Or Piecewise Pow PowByNatural PythonMod RShift Rational RoundDecimal RoundToInt "
    "StrictGreaterThan StrictLessThan Symbol ToFloat TruncToFloat TruncToInt Unequality Where "
    "ceiling floor sqrt size stride storage_offset".split()
)


def code_in(path: Path) -> str:
    """The first text in the archive that would be run and is no size or name; empty where all are."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):  # torch may read another one of them than was checked here
            return "whichever of two records of the same name"
        for name in names:
            if name.rpartition("/")[2].startswith("opaque_obj"):
                return f"the pickled object {name}"
            if name.endswith(".json"):
                for text in _suspects(json.loads(archive.read(name)), ""):
                    return repr(text[:80])
    return ""


def _suspects(value: Any, key: str) -> Iterator[str]:
    """Texts that fail their check; `key` is the one that the value is under."""
    if isinstance(value, dict):
        yield from (name for name in value if not _NAME.fullmatch(name))
        for name, part in value.items():
            yield from _suspects(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from _suspects(part, key)
    elif isinstance(value, str) and not _is_safe(value, key):
        yield value


def _is_safe(text: str, key: str) -> bool:
    if key in _EXPRESSIONS:
        return _is_arithmetic(text)
    return not key.endswith(("name", "names", "fqn")) or bool(_NAME.fullmatch(text))


def _is_arithmetic(text: str) -> bool:
    """Numbers, symbols, operators and sympy's functions of them."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_harmless(node) for node in ast.walk(tree))


def _is_harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):  # sympy would evaluate a text too
        return not isinstance(node.value, str) or bool(_WORD.fullmatch(node.value))
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return called in _FUNCTIONS
    if isinstance(node, ast.Attribute):
        return node.attr in _FUNCTIONS
    return isinstance(node, (ast.Name, *_ARITHMETIC))
