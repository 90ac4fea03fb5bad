"""understudy: human motion in, motion a humanoid robot can really perform out, with the proof beside it.

The rooms (``motion``, ``robots``, ``retarget``, ``evaluate``, ``view``, …) load on first use, so that importing the
package costs nothing.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy import curate, evaluate, kinematics, motion, physics, pipelines, retarget, robots, view

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "curate",
    "evaluate",
    "kinematics",
    "motion",
    "physics",
    "pipelines",
    "retarget",
    "robots",
    "view",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
