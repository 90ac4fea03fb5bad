"""The kernels' QP solver against DAQP, on random problems of the shape that inverse kinematics makes."""

import daqp
import numpy as np
import pytest

from understudy.kinematics.kernels import qp


def _problem(seed: int, n: int = 20, m: int = 8):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, n))
    h = a @ a.T + 0.1 * np.eye(n)
    g = rng.normal(size=n) * 5
    lower, upper = -rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    rows = rng.normal(size=(m, n))
    rows[m // 2] = rows[0]  # dependent rows are the rule where two capsules of one limb near the same body
    b = rng.normal(size=m)
    return h, g, lower, upper, rows, b


def _reference(h, g, lower, upper, rows, b, softness):
    n, m = len(g), len(b)
    hessian = np.zeros((n + m, n + m))
    hessian[:n, :n] = h
    hessian[n:, n:] = np.eye(m) / softness
    matrix = np.hstack([rows, np.eye(m)])
    big = np.full(m, 1e30)
    x, _, flag, _ = daqp.solve(
        hessian,
        np.concatenate([g, np.zeros(m)]),
        matrix,
        np.concatenate([upper, big, big]),
        np.concatenate([lower, -big, b]),
        np.zeros(n + 2 * m, np.int32),
    )
    assert flag == 1
    return x[:n]


def _solve(h, g, lower, upper, rows, b, softness):
    low, v = np.zeros_like(h), np.zeros_like(g)
    assert qp.cholesky(h, low)
    status = qp.solve(low, g, lower, upper, rows, b, len(b), softness, v)
    return status, v


@pytest.mark.parametrize("softness", [1e-1, 1e-4, 1e-6])
def test_it_finds_what_daqp_finds(softness):
    for seed in range(200):
        problem = _problem(seed)
        status, v = _solve(*problem, softness)
        assert status == qp.SOLVED
        np.testing.assert_allclose(v, _reference(*problem, softness), atol=2e-5)


def test_bounds_hold_exactly():
    for seed in range(100):
        h, g, lower, upper, rows, b = _problem(seed)
        _, v = _solve(h, 100 * g, lower, upper, rows, b, 1e-5)
        assert (v >= lower).all()
        assert (v <= upper).all()


def test_without_constraints_it_is_newtons_step():
    h, g, *_ = _problem(3)
    wide = np.full(len(g), 1e6)
    _, v = _solve(h, g, -wide, wide, np.zeros((0, len(g))), np.zeros(0), 1e-4)
    np.testing.assert_allclose(h @ v, -g, atol=1e-8)


def test_an_indefinite_hessian_is_refused():
    assert not qp.cholesky(np.diag([1.0, -1.0, 2.0]), np.zeros((3, 3)))
