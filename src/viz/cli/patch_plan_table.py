"""The plan of a run that hides squares, as people read it: what windows save, and each layer's part in that."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from viz.cli.console import results
from viz.cli.patch_forecast import PatchForecast
from viz.core.patch_plan import LayerPlan, PatchPlan

_COLUMNS = ("layer", "operator", "way", "map", "window", "computed", "MMACs", "needed")
_NUMBERS = _COLUMNS[3:]


def plan_lines(forecast: PatchForecast) -> Iterator[tuple[str, str]]:
    """Labels and texts: the share of the work, the speedup, the layers by their ways; or why there is none."""
    plan = forecast.plan
    if plan is None:
        yield "windows", "not known: none of the first images can be used with this target"
        return
    if plan.reason:
        yield "windows", f"none, every position goes through the whole network: {plan.reason}"
        return
    ways = [layer.way for layer in plan.layers]
    by_way = f"{ways.count('window')} layers by windows, {ways.count('full')} in full"
    yield "windows", f"{percent(plan.share)} of the multiply-accumulates of a whole pass; {by_way}"
    if plan.cap is not None:
        yield "approximate", f"no window is larger than {plan.cap:g} of a map's height and width"
    against = f"{forecast.variants:,} positions an image, against whole passes"
    yield "speedup", f"{forecast.speedup:.1f}x by multiply-accumulates, for {against}"


def print_layers(plan: PatchPlan) -> None:
    """A row for each layer that multiplies; the others change or pass on what these make, and cost little."""
    counted = [layer for layer in plan.layers if layer.macs]
    if not counted:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for layer in counted:
        table.add_row(*_row(layer))
    total = sum(layer.macs or 0 for layer in counted)
    table.add_row("all", "", "", "", "", percent(plan.share), _millions(total), _millions(plan.share * total))
    results.print()
    results.print(table)
    if others := len(plan.layers) - len(counted):
        results.print(f"and {others:,} layers without multiply-accumulates; --format json has all", style="dim")


def _row(layer: LayerPlan) -> tuple[str, ...]:
    macs = layer.macs or 0
    window = "x".join(map(str, layer.window)) if layer.way == "window" else "all"
    size = "x".join(map(str, layer.size))
    cells = (layer.way, size, window, percent(layer.share), _millions(macs), _millions(layer.share * macs))
    return escape(layer.name), escape(layer.op), *cells


def percent(share: float) -> str:
    """0.364 as `36 %`; small shares with a digit more."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _millions(macs: float) -> str:
    return f"{macs / 1e6:,.2f}" if macs < 1e8 else f"{macs / 1e6:,.0f}"
