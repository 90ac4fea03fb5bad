"""Recipes that join arrows of several rooms, and the job that runs one over a folder of clips."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.pipelines.certifying import CertifyClip
    from understudy.pipelines.dataset import Made, Outcome, Recipe, Summary, Task, run
    from understudy.pipelines.retargeting import RetargetClip
    from understudy.pipelines.sources import Found, find

_HOME = {
    "CertifyClip": "certifying",
    "Found": "sources",
    "Made": "dataset",
    "Outcome": "dataset",
    "Recipe": "dataset",
    "RetargetClip": "retargeting",
    "Summary": "dataset",
    "Task": "dataset",
    "find": "sources",
    "run": "dataset",
}

__all__ = [
    "CertifyClip",
    "Found",
    "Made",
    "Outcome",
    "Recipe",
    "RetargetClip",
    "Summary",
    "Task",
    "find",
    "run",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
