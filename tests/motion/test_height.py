"""Scaling a clip to a person's height."""

import numpy as np
import pytest

from understudy import motion
from understudy.errors import LimitError
from understudy.motion import sample
from understudy.motion.info import describe


def test_the_body_stands_as_tall_as_asked():
    human = sample.motion("walk", fps=30.0)
    tall = motion.scale_to_height(human, 2.0)
    assert describe(tall).stature == pytest.approx(2.0, rel=1e-3)
    factor = 2.0 / describe(human).stature
    np.testing.assert_allclose(tall.pos, human.pos * factor, rtol=1e-5)
    np.testing.assert_allclose(tall.landmarks()[0], human.landmarks()[0] * factor, rtol=1e-4, atol=1e-5)
    assert tall.origin.history[-1]["arrow"] == "scale_to_height"


@pytest.mark.parametrize("height", [-1.0, 0.0, 175.0, float("nan")])
def test_a_height_that_nobody_has_is_refused(height):
    with pytest.raises(LimitError, match="metres"):
        motion.scale_to_height(sample.motion("wave", fps=10.0), height)
