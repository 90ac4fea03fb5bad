"""Two verdicts and two sets of numbers side by side: a motion before and after its repair."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from understudy.cli.console import check_limit, check_verdict, verdict


def print_repair(console: Console, told: Mapping[str, Any]) -> None:
    """Metrics, verdicts and what the repair changed: ``before`` and ``after`` are reports, ``change`` a ``Change``."""
    before, after = told["before"], told["after"]
    console.print(metrics_compared(before, after))
    console.print(verdicts_compared(before["certificate"], after["certificate"]))
    console.print(_change(told["change"]), markup=False, soft_wrap=True)


def verdicts_compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Table:
    """The checks of two certificates (``Certificate.to_dict()``) of one robot, one a row."""
    table = Table(title=f"Certificate: {verdict(before)} → {verdict(after)}", title_justify="left")
    for name in ("check", "before", "", "after", "", "limit"):
        table.add_column(name, justify="right" if name in ("before", "after", "limit") else "left")
    for was, now in zip(before["checks"], after["checks"], strict=True):
        cells = [text for check in (was, now) for text in (_number(check), check_verdict(check))]
        table.add_row(now["label"], *cells, check_limit(now))
    return table


def metrics_compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Table:
    """The metrics of two reports (``Report.to_dict()``) of one clip, one a row."""
    table = Table(title=f"{after['clip']} on {after['robot']}", title_justify="left")
    for name in ("metric", "before", "after", "unit", "better"):
        table.add_column(name, justify="right" if name in ("before", "after") else "left")
    for was, now in zip(before["metrics"], after["metrics"], strict=True):
        table.add_row(now["label"], _number(was), _number(now), now["unit"], now["better"] or "")
    return table


def _change(change: Mapping[str, Any]) -> str:
    return (
        f"joints changed by {change['joint_mean']:.3g} rad on average, at most by {change['joint_most']:.3g} rad "
        f"({change['joint']}, {change['time']:.2f} s)\n"
        f"root moved by {1000 * change['root_mean']:.3g} mm on average, at most by {1000 * change['root_most']:.3g} mm "
        f"and {change['turn_most']:.3g} rad"
    )


def _number(of: Mapping[str, Any]) -> str:
    """The value of a check or a metric, whose unit stands in another column."""
    return "-" if of["value"] is None else f"{of['value']:.4g}"
