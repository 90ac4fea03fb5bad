"""The G1 as shipped, and the meshed G1 of the mjlab package where it is at hand."""

import importlib.util
import os
from pathlib import Path

import mujoco
import numpy as np
import pytest

from understudy import robots

XML = "asset_zoo/robots/unitree_g1/xmls/g1.xml"


@pytest.fixture(scope="session")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="session")
def poses(g1):
    """A thousand qpos: random joints within their ranges, random root."""
    rng = np.random.default_rng(0)
    quat = rng.normal(size=(1000, 4))
    return np.concatenate(
        [
            rng.uniform(-2, 2, (1000, 3)),
            quat / np.linalg.norm(quat, axis=1, keepdims=True),
            rng.uniform(g1.lower, g1.upper, (1000, len(g1.joints))),
        ],
        axis=1,
    )


@pytest.fixture(scope="session")
def mjlab_file():
    """mjlab's model file: of the installed package, or of one unpacked where UNDERSTUDY_MJLAB points."""
    folders = [Path(os.environ["UNDERSTUDY_MJLAB"])] if "UNDERSTUDY_MJLAB" in os.environ else []
    spec = importlib.util.find_spec("mjlab")
    if spec is not None and spec.submodule_search_locations:
        folders += [Path(p) for p in spec.submodule_search_locations]
    files = [f / XML for f in folders if (f / XML).is_file()]
    if not files:
        pytest.skip("mjlab is not installed and UNDERSTUDY_MJLAB does not point to it")
    return files[0]


@pytest.fixture(scope="session")
def mjlab_g1(mjlab_file):
    return mujoco.MjModel.from_xml_path(str(mjlab_file))
