"""Human motion in, robot motion out: methods side by side behind one contract."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.protocols import Retargeter
    from understudy.retarget.frame_ik import FrameIK, FrameIKConfig
    from understudy.retarget.gmr_like import GmrLike, GmrLikeConfig
    from understudy.retarget.live_ik import LiveIK, LiveIKConfig, WholeConfig, as_batch
    from understudy.retarget.nmr import NMR, NMRConfig
    from understudy.retarget.nmr_live import NMRLive, NMRLiveConfig
    from understudy.retarget.phuma_like import PhumaLike, PhumaLikeConfig
    from understudy.retarget.repairing import RepairConfig, repair
    from understudy.retarget.sequence_fit import SequenceFit, SequenceFitConfig
    from understudy.robots.robot import Robot

_HOME = {
    "FrameIK": "frame_ik",
    "FrameIKConfig": "frame_ik",
    "GmrLike": "gmr_like",
    "GmrLikeConfig": "gmr_like",
    "LiveIK": "live_ik",
    "LiveIKConfig": "live_ik",
    "NMR": "nmr",
    "NMRConfig": "nmr",
    "NMRLive": "nmr_live",
    "NMRLiveConfig": "nmr_live",
    "PhumaLike": "phuma_like",
    "PhumaLikeConfig": "phuma_like",
    "RepairConfig": "repairing",
    "SequenceFit": "sequence_fit",
    "SequenceFitConfig": "sequence_fit",
    "WholeConfig": "live_ik",
    "as_batch": "live_ik",
    "repair": "repairing",
}

__all__ = [
    "BASELINES",
    "LEARNED",
    "METHODS",
    "NMR",
    "FrameIK",
    "FrameIKConfig",
    "GmrLike",
    "GmrLikeConfig",
    "LiveIK",
    "LiveIKConfig",
    "NMRConfig",
    "NMRLive",
    "NMRLiveConfig",
    "PhumaLike",
    "PhumaLikeConfig",
    "RepairConfig",
    "SequenceFit",
    "SequenceFitConfig",
    "WholeConfig",
    "as_batch",
    "repair",
]


def _frame_ik(robot: "Robot", *, ground: str = "auto", parts: str = "whole") -> "Retargeter":
    from understudy.retarget.frame_ik import FrameIK, FrameIKConfig

    return FrameIK(robot, FrameIKConfig(ground=ground, parts=parts))


def _gmr_like(robot: "Robot", *, ground: str = "auto") -> "Retargeter":
    from understudy.retarget.gmr_like import GmrLike, GmrLikeConfig

    return GmrLike(robot, GmrLikeConfig(ground=ground))


def _live_ik(robot: "Robot", *, ground: str = "auto", parts: str = "whole") -> "Retargeter":
    from understudy.errors import LimitError
    from understudy.retarget.live_ik import LiveIK, LiveIKConfig, as_batch, default_config

    if parts not in ("whole", "upper"):
        raise LimitError(f"The method 'live-ik' moves the whole robot or its upper part; not {parts!r}.")
    return as_batch(LiveIK(robot, LiveIKConfig() if parts == "upper" else default_config(robot, ground)))


def _nmr(robot: "Robot", *, ground: str = "auto", checkpoint: str = "", repair: bool = False) -> "Retargeter":
    from understudy.retarget.nmr import NMR, NMRConfig

    return NMR(robot, NMRConfig(checkpoint, ground, repair=repair))


def _phuma_like(robot: "Robot", *, ground: str = "auto", iterations: int = 3001) -> "Retargeter":
    from understudy.retarget.phuma_like import PhumaLike, PhumaLikeConfig

    return PhumaLike(robot, PhumaLikeConfig(ground=ground, iterations=iterations))


def _sequence_fit(robot: "Robot", *, ground: str = "auto", parts: str = "whole") -> "Retargeter":
    from understudy.retarget.sequence_fit import SequenceFit, SequenceFitConfig

    return SequenceFit(robot, SequenceFitConfig(ground=ground, parts=parts))


METHODS: dict[str, "Callable[..., Retargeter]"] = {
    "sequence-fit": _sequence_fit,
    "frame-ik": _frame_ik,
    "live-ik": _live_ik,
    "nmr": _nmr,
    "gmr-like": _gmr_like,
    "phuma-like": _phuma_like,
}
"""Methods by the names that the command line knows them by: a robot and options in, a retargeter out. ``ground`` is an
option of all; ``parts`` of those that can move a part of the robot; ``checkpoint`` and ``repair`` of networks."""

LEARNED = frozenset({"nmr"})
"""The methods that are networks. What they make is nearly right; with ``repair`` it is what a robot can perform."""

BASELINES = frozenset({"gmr-like", "phuma-like"})
"""The methods that are there to be compared with: motions that robots cannot perform are part of what they do."""


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
