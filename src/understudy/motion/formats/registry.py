"""Every file format: its name, the module that reads it, and what its files end in.

A new format is one module and one line here. A module offers ``read(path, *, ...)`` and, if the format can be
written, ``write(motion, path, *, ...)``; their keyword arguments are the format's options. Where formats share an
ending, each module says with ``recognises(path) -> bool`` whether a file is its own.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = "/"
"""What a format that is a folder of files ends in."""

OUT_OF_SCOPE = {
    ".fbx": "FBX is out of scope: only its makers' own library reads all of it. Export the motion as BVH: in Blender, "
    "import the FBX file, select the armature, then File > Export > Motion Capture (.bvh); MotionBuilder and Maya "
    "export BVH as well.",
}
"""Endings that people may well come with, and what to do."""


@dataclass(frozen=True)
class Format:
    """``holds`` is whose motion: ``human``, ``robot`` or ``either``. The first suffix is the one that is written.
    ``breadth_first`` formats keep joints and bodies in Isaac Lab's order (``robots.orders``), all others in MuJoCo's.
    """

    module: str
    suffixes: tuple[str, ...]
    holds: str
    breadth_first: bool = False


FORMATS = {
    "native": Format("native", (".npz",), "either"),
    "bvh": Format("bvh", (".bvh",), "human"),
    "smpl-npz": Format("smpl_npz", (".npz",), "human"),
    "amc": Format("amc", (".amc",), "human"),
    "gvhmr-pt": Format("gvhmr_pt", (".pt",), "human"),
    "deepmimic-json": Format("deepmimic_json", (".json", ".txt"), "human"),
    "cmu-expmap": Format("expmap_txt", (".txt",), "human"),
    "mjlab-npz": Format("mjlab_npz", (".npz",), "robot"),
    "isaaclab-npz": Format("mjlab_npz", (".npz",), "robot", breadth_first=True),
    "gmr-pkl": Format("gmr_pkl", (".pkl",), "robot"),
    "phuma-npy": Format("phuma_npy", (".npy",), "either"),
    "phc-pkl": Format("phc_pkl", (".pkl",), "robot"),
    "unitree-csv": Format("robot_csv", (".csv",), "robot"),
    "kimodo-csv": Format("robot_csv", (".csv",), "robot"),
    "soma-csv": Format("soma_csv", (".csv",), "robot"),
    "hhtools-csv": Format("hhtools_csv", (".csv",), "robot"),
    "kimodo-npz": Format("kimodo_npz", (".npz",), "either"),
    "keypoints": Format("keypoints", (".npz", ".npy"), "human"),
    "zed-json": Format("zed_json", (".json",), "human"),
    "pyroki-npz": Format("pyroki_npz", (".npz",), "robot"),
    "sonic-csv": Format("sonic_csv", (FOLDER,), "robot", breadth_first=True),
    "protomotions-motion": Format("protomotions", (".motion",), "robot"),
    "protomotions-pt": Format("protomotions_pt", (".pt",), "robot"),
    "lerobot": Format("lerobot", (FOLDER,), "robot"),
}


def suffix_of(path: Path) -> str:
    """A path's ending in small letters, ``FOLDER`` for a folder."""
    return FOLDER if path.is_dir() else path.suffix.lower()


def ending_in(suffix: str) -> tuple[str, ...]:
    """The formats whose files end so."""
    return tuple(name for name, format in FORMATS.items() if suffix in format.suffixes)


def suffixes(*holds: str) -> tuple[str, ...]:
    """All endings of formats that hold one of these, folders left out."""
    return tuple(sorted({s for f in FORMATS.values() if f.holds in holds for s in f.suffixes} - {FOLDER}))
