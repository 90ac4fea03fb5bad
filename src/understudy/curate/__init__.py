"""Many motions in, fewer and better ones out: filters, conditions, and what a dataset holds."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.curate.filters import FilterConfig, Finding, HumanLimits, RobotLimits, inspect, pieces
    from understudy.curate.statistics import Statistics, describe
    from understudy.curate.where import select

_HOME = {
    "FilterConfig": "filters",
    "Finding": "filters",
    "HumanLimits": "filters",
    "RobotLimits": "filters",
    "Statistics": "statistics",
    "describe": "statistics",
    "inspect": "filters",
    "pieces": "filters",
    "select": "where",
}

__all__ = [
    "FilterConfig",
    "Finding",
    "HumanLimits",
    "RobotLimits",
    "Statistics",
    "describe",
    "inspect",
    "pieces",
    "select",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
