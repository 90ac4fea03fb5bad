"""Motions become pixels: a film, a sheet of moments, a page in the browser, and the report that proves a
clip."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.view.film import sheet, video
    from understudy.view.html import write_report
    from understudy.view.player import show

# A module must not be named like one of these functions: importing it would put it in the function's place.
_HOME = {"sheet": "film", "show": "player", "video": "film", "write_report": "html"}

__all__ = ["sheet", "show", "video", "write_report"]


def __getattr__(name: str) -> object:
    # Drawing needs viser, matplotlib or ffmpeg; each is imported when it is first asked for.
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
