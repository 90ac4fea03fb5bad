"""The distance from the base of support, against cases that one can see."""

import numpy as np
import pytest

from understudy.curate.support import distance_to_hull

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("corners", "point", "distance"),
    [
        (SQUARE, [0.5, 0.5], 0.0),
        (SQUARE, [1.0, 0.3], 0.0),
        (SQUARE, [2.0, 0.5], 1.0),
        (SQUARE, [2.0, 2.0], 2**0.5),
        ([[0, 0], [1, 0], [2, 0], [3, 0]], [1.5, 0.5], 0.5),
        ([[0, 0], [1, 0], [2, 0], [3, 0]], [1.5, 0.0], 0.0),
        ([[1, 1]] * 4, [4, 5], 5.0),
        ([[0, 0], [4, 0], [0, 4], [1, 1]], [3.0, 3.0], 2**0.5),  # one corner lies inside the others
    ],
)
def test_distances(corners, point, distance):
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        found = distance_to_hull(np.array([point], float), np.array([corners], float)[:, order])
        assert found == pytest.approx([distance], abs=1e-9)
