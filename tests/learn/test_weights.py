"""The weights that come with the package: whole, small, each with a card that tells what it was made of."""

import re
from pathlib import Path

import pytest

from understudy import learn, robots
from understudy.retarget.nmr_files import SHIPPED, load_nmr

FILES = sorted(SHIPPED.glob("*.safetensors"))


def test_there_are_some_and_they_are_small():
    assert FILES
    assert Path(learn.__file__).parent / "weights" == SHIPPED
    assert sum(path.stat().st_size for path in FILES) < 60e6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_has_a_card(path):
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for told in ("Data", "hours", "steps", "Hardware", "licence", "Key points"):
        assert told in card, told
    assert re.search(r"20\d\d-\d\d-\d\d", card)
    if not path.stem.endswith("-nc"):
        assert "non-commercial" not in card.lower()


@pytest.mark.parametrize("path", [p for p in FILES if p.stem.startswith("nmr_")], ids=lambda path: path.stem)
def test_each_network_is_one_for_its_robot(path):
    name = path.stem.removeprefix("nmr_").removesuffix("-nc")
    model = load_nmr(robots.load(name), path.stem)
    assert model.robot.name == name
    assert model.config.symmetric
