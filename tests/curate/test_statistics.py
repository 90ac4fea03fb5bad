"""What is said about a dataset, counted by hand."""

import pytest

from understudy.curate import describe
from understudy.motion.dataset import Entry


def done(name, seconds, **more):
    return Entry(name, name, "done", kind="robot", body="g1", fps=30.0, frames=31, duration=seconds, **more)


def test_describe():
    found = describe(
        [
            done("a", 1.0, licence="CC0", passed=True, texts=("A walk", "to walk"), metrics={"m": 1.0}),
            done("b", 3.0, passed=False, texts=("Walk fast",), metrics={"m": 3.0}),
            done("c", 2.0),
            Entry("d", "d", "dropped", "too fast; too high"),
            Entry("e", "e", "dropped", "too fast"),
            Entry("f", "f", "failed", "line 3; broken"),
        ]
    )
    assert found.statuses == {"done": 3, "dropped": 2, "failed": 1}
    assert (found.clips, found.frames, found.seconds) == (3, 93, 6.0)
    assert (found.certified, found.passed, found.captioned) == (2, 1, 2)
    assert list(found.groups["licence"]) == ["", "CC0"]
    assert found.groups["licence"]["CC0"].seconds == 1.0
    assert found.groups["body"]["g1"].clips == 3
    assert found.words == {"walk": 3, "fast": 1}
    assert (found.metrics["m"].clips, found.metrics["m"].middle) == (2, pytest.approx(2.0))
    assert found.metrics["duration"].most == 3.0
    assert found.reasons["dropped"] == {"too fast": 2, "too high": 1}
    assert found.reasons["failed"] == {"line 3; broken": 1}


def test_an_empty_dataset_has_nothing():
    found = describe([])
    assert (found.clips, found.metrics, found.words) == (0, {}, {})
