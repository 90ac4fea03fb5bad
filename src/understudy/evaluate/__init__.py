"""What a robot motion is worth: metrics, a certificate, a report. It knows no method that makes motions."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.evaluate.certificate import Certificate, attach, certify
    from understudy.evaluate.lowpass import filtered
    from understudy.evaluate.reports import Report, report

_HOME = {
    "Certificate": "certificate",
    "Report": "reports",
    "attach": "certificate",
    "certify": "certificate",
    "filtered": "lowpass",
    "report": "reports",
}

__all__ = ["Certificate", "Report", "attach", "certify", "filtered", "report"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
