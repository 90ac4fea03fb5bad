"""What was assumed about the source's body stands beside the verdict, and goes into files."""

import json
from dataclasses import replace

import pytest
from standing import double

from understudy import evaluate, motion
from understudy.evaluate import Certificate, certify
from understudy.evaluate.remarks import about_source
from understudy.motion import Origin
from understudy.motion.completion import complete

MEAN = {"body": "a mean adult of 1.70 m, for without a body model the clip's shape says nothing"}


@pytest.mark.parametrize(
    ("inferred", "said"),
    [
        ({}, ()),
        ({"body": "joints of smplh.npz (smplh), 10 of 16 shape coefficients", "up": "z", "gaps": "0.0 % of"}, ()),
        (MEAN, (f"source's body assumed: {MEAN['body']}",)),
        (
            {"placed": "spine: carried by the pelvis; left_hand: along the hand, by proportion; head: by proportion"},
            ("source's points placed by proportion: left_hand, head",),
        ),
    ],
)  # fmt: skip
def test_only_what_was_assumed_is_remarked(inferred, said):
    assert about_source(inferred) == said


def test_a_source_of_points_only_is_remarked():
    human = motion.sample.motion("walk", fps=30.0)
    rows = {name: human.landmarks()[0][:, i] for i, name in enumerate(human.skeleton.landmarks.names)}
    seen = {name: path for name, path in rows.items() if not name.endswith(("ankle", "toe", "head", "hand"))}
    said = about_source(complete(seen, 30.0).origin.inferred)
    assert any(words.startswith("source's orientations completed from points") for words in said)
    assert any("placed by proportion: head" in words and "left_ankle" in words for words in said)
    assert any(words.startswith("source's gaps: ") for words in said)


def test_remarks_come_from_the_human_or_from_what_was_made_of_it(g1, standing, tmp_path):
    human = double(g1, standing)
    person = replace(human, origin=Origin(inferred=MEAN))
    made = replace(standing, origin=Origin(inferred=MEAN))
    said = about_source(MEAN)
    assert certify(standing, robot=g1).remarks == ()
    assert certify(standing, human, g1).remarks == ()
    assert certify(standing, person, g1).remarks == said
    assert certify(made, robot=g1).remarks == said
    assert evaluate.report(made, person, g1).remarks == said
    certified = evaluate.attach(made, certify(made, robot=g1))
    motion.save(certified, tmp_path / "made.npz")
    assert motion.load(tmp_path / "made.npz").origin.certificate["remarks"] == list(said)


def test_certificates_of_version_1_are_still_read(g1, standing):
    stored = json.loads(json.dumps(certify(standing, robot=g1).to_dict()))
    del stored["remarks"]
    old = Certificate.from_dict(stored | {"version": 1})
    assert (old.version, old.remarks) == (1, ())
    assert old.belongs_to(standing)
