"""What every verb says and how: results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from understudy.view.player import Player


def out() -> Console:
    """Results, on stdout. Made anew each time, because tests and callers replace the streams."""
    return Console(file=sys.stdout, highlight=False)


def err() -> Console:
    """Progress, warnings and errors, on stderr."""
    return Console(file=sys.stderr, highlight=False)


def complain(message: str) -> None:
    """One paragraph on stderr, exactly as worded."""
    err().print(f"error: {' '.join(message.split())}", style="red", markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, numbers that are not finite written as null."""
    sys.stdout.write(json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


@contextmanager
def quiet_stdout(active: bool) -> Iterator[None]:
    """While active, whatever libraries print goes to stderr, so that stdout stays one JSON document."""
    if not active:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on stderr that vanishes when it is done; silent where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def keep_open(player: "Player", what: str) -> None:
    """Say where a page is, and keep it until it is interrupted."""
    out().print(f"{player.url} shows {what} until Ctrl-C.", markup=False, soft_wrap=True)
    try:
        player.wait()
    except KeyboardInterrupt:
        pass
    finally:
        player.close()


def certificate_table(certificate: Mapping[str, Any]) -> Table:
    """The checks of a certificate (``Certificate.to_dict()``), one a row."""
    table = Table(title=f"Certificate: {verdict(certificate)}", title_justify="left")
    for name, number in (("check", False), ("worst", True), ("limit", True), ("", False), ("where", False)):
        table.add_column(name, justify="right" if number else "left")
    for check in certificate["checks"]:
        when = "" if check["worst_time"] is None else f"{check['worst_time']:.2f} s"
        where = "" if check["passed"] else ", ".join(part for part in (when, check["where"]) if part)
        table.add_row(
            check["label"],
            "-" if check["value"] is None else f"{check['value']:.4g} {check['unit']}".rstrip(),
            check_limit(check),
            check_verdict(check),
            where,
        )
    if remarks := certificate.get("remarks"):
        table.caption, table.caption_justify = escape("\n".join(remarks)), "left"
    return table


def verdict(certificate: Mapping[str, Any]) -> str:
    """Whether it passed, in colour."""
    return "[green]passed[/]" if certificate["passed"] else "[red]not passed[/]"


def check_limit(check: Mapping[str, Any]) -> str:
    """What a check allows, with its unit."""
    return f"{check['threshold']:.4g} {check['unit']}".rstrip()


def check_verdict(check: Mapping[str, Any]) -> str:
    """Whether a check passed, in colour."""
    return "[green]ok[/]" if check["passed"] else "[red]fails[/]"


def metric_table(report: Mapping[str, Any]) -> Table:
    """The metrics of a report (``Report.to_dict()``), one a row."""
    table = Table(title=f"{report['clip']} on {report['robot']}", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("better")
    for metric in report["metrics"]:
        value = metric["value"]
        text = metric["note"] or "-" if value is None else f"{value:.4g}"
        table.add_row(metric["label"], text, metric["unit"], metric["better"] or "")
    return table


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, int | str):
        return value
    number = float(value)
    return number if number - number == 0 else None
