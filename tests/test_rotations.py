"""The axioms of rotations, in numpy and torch, in single and double precision."""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from understudy import rotations as r

torch.set_num_threads(1)

ORDERS = ["".join(p) for p in permutations("xyz")]
ANGLES = [0.0, 1e-12, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 3.0, np.pi - 1e-3, np.pi - 1e-6]


@dataclass(frozen=True)
class Kind:
    """One array library in one precision: makes its arrays, and compares within what that precision holds."""

    is_torch: bool
    dtype: type

    @cached_property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(0)

    def array(self, values):
        values = np.asarray(values, self.dtype)
        return torch.as_tensor(values) if self.is_torch else values

    def vectors(self, *shape):
        return self.array(self.rng.normal(size=(*shape, 3)))

    def quats(self, *shape):
        q = self.rng.normal(size=(*shape, 4))
        return self.array(q / np.linalg.norm(q, axis=-1, keepdims=True))

    def same(self, a, b, ulps=20):
        for x in (a, b):
            assert isinstance(x, torch.Tensor) == self.is_torch
            assert np.asarray(x).dtype == self.dtype
        tolerance = ulps * float(np.finfo(self.dtype).eps)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=tolerance, rtol=0)

    def same_rotation(self, a, b, ulps=20):
        self.same(r.quat_to_matrix(a), r.quat_to_matrix(b), ulps)


@pytest.fixture(
    params=[Kind(False, np.float32), Kind(False, np.float64), Kind(True, np.float32), Kind(True, np.float64)],
    ids=["numpy32", "numpy64", "torch32", "torch64"],
)
def kind(request):
    return request.param


def test_products_are_associative_and_act_in_turn(kind):
    a, b, c, v = kind.quats(100), kind.quats(100), kind.quats(100), kind.vectors(100)
    kind.same(r.quat_mul(r.quat_mul(a, b), c), r.quat_mul(a, r.quat_mul(b, c)))
    kind.same(r.quat_apply(r.quat_mul(a, b), v), r.quat_apply(a, r.quat_apply(b, v)), ulps=60)


def test_identity_and_inverse(kind):
    q, one = kind.quats(100), kind.array(np.tile(r.IDENTITY, (100, 1)))
    kind.same(r.quat_mul(q, one), q)
    kind.same(r.quat_mul(one, q), q)
    kind.same(r.quat_mul(q, r.quat_conj(q)), one)


def test_shapes_broadcast(kind):
    a, b, v = kind.quats(5, 1), kind.quats(3), kind.vectors(3)
    assert r.quat_mul(a, b).shape == (5, 3, 4)
    assert r.quat_apply(a, v).shape == (5, 3, 3)
    assert r.quat_to_matrix(a).shape == (5, 1, 3, 3)
    kind.same(r.quat_mul(a, b)[2, 1], r.quat_mul(a[2, 0], b[1]))


def test_normalize_gives_unit_length_and_takes_zero_without_nan(kind):
    kind.same((r.quat_normalize(3 * kind.quats(10)) ** 2).sum(-1), kind.array(np.ones(10)))
    assert np.isfinite(np.asarray(r.quat_normalize(kind.array(np.zeros((1, 4)))))).all()


def test_positive_keeps_the_rotation(kind):
    q = kind.quats(100)
    assert (r.quat_positive(q)[..., 0] >= 0).all()
    kind.same_rotation(r.quat_positive(q), q)


def test_matrix_round_trip_at_every_pivot(kind):
    q = r.quat_positive(kind.quats(200))
    half_turns = kind.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0.6, -0.8, 0]])
    kind.same(r.quat_from_matrix(r.quat_to_matrix(q)), q)
    kind.same_rotation(r.quat_from_matrix(r.quat_to_matrix(half_turns)), half_turns)


def test_matrix_is_orthonormal_and_rotates_alike(kind):
    q, v = kind.quats(100), kind.vectors(100)
    m = r.quat_to_matrix(q)
    kind.same(m @ m.swapaxes(-1, -2), kind.array(np.tile(np.eye(3), (100, 1, 1))))
    kind.same((m * v[:, None]).sum(-1), r.quat_apply(q, v), ulps=60)


@pytest.mark.parametrize("angle", ANGLES)
def test_exponential_and_logarithm_undo_each_other(kind, angle):
    axis = kind.rng.normal(size=(50, 3))
    rotvec = kind.array(angle * axis / np.linalg.norm(axis, axis=-1, keepdims=True))
    q = r.quat_from_rotvec(rotvec)
    kind.same((q * q).sum(-1), kind.array(np.ones(50)))
    kind.same(r.quat_to_rotvec(q), rotvec)
    kind.same(r.quat_to_rotvec(-q), rotvec)


def test_small_rotation_vectors_keep_their_digits(kind):
    rotvec = kind.array([[1e-9, -2e-9, 3e-9]])
    np.testing.assert_allclose(
        np.asarray(r.quat_to_rotvec(r.quat_from_rotvec(rotvec))), np.asarray(rotvec), rtol=1e-6
    )


def test_half_turn_has_length_pi(kind):
    rotvec = r.quat_to_rotvec(kind.array([[0, 0.6, 0, -0.8]]))
    kind.same(rotvec, kind.array([[0.6 * np.pi, 0, -0.8 * np.pi]]))


def test_angle_is_the_length_of_the_difference(kind):
    a, rotvec = kind.quats(100), 0.5 * kind.vectors(100)
    length = (rotvec * rotvec).sum(-1) ** 0.5
    kind.same(r.quat_angle(a, -r.quat_mul(a, r.quat_from_rotvec(rotvec))), length, ulps=40)


def test_slerp_ends_and_moves_evenly(kind):
    a, b = kind.quats(100), kind.quats(100)
    kind.same_rotation(r.quat_slerp(a, b, kind.array(np.zeros(100))), a)
    kind.same_rotation(r.quat_slerp(a, b, kind.array(np.ones(100))), b, ulps=40)
    third = r.quat_slerp(a, b, kind.array(np.full(100, 1 / 3)))
    kind.same(3 * r.quat_angle(a, third), r.quat_angle(a, b), ulps=60)
    kind.same_rotation(r.quat_slerp(a, -a, kind.array(np.full(100, 0.3))), a)


@pytest.mark.parametrize("order", ORDERS)
def test_euler_round_trip(kind, order):
    q = kind.quats(500)
    kind.same_rotation(r.quat_from_euler(order, r.quat_to_euler(order, q)), q, ulps=60)
    angles = kind.array(kind.rng.uniform([-3, -1.5, -3], [3, 1.5, 3], (100, 3)))
    kind.same(r.quat_to_euler(order, r.quat_from_euler(order, angles)), angles, ulps=400)
    kind.same_rotation(r.quat_from_euler(order.upper(), angles), r.quat_from_euler(order, angles))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-7, 1e-5, 1e-3])
def test_euler_at_and_near_gimbal_lock(kind, order, off):
    angles = kind.rng.uniform(-3, 3, (50, 3))
    angles[:, 1] = kind.rng.choice([-1, 1], 50) * (np.pi / 2 - off)
    q = r.quat_from_euler(order, kind.array(angles))
    back = r.quat_to_euler(order, q)
    kind.same_rotation(r.quat_from_euler(order, back), q, ulps=60)
    assert np.abs(np.asarray(back)[:, 1]).max() <= np.pi / 2 + 1e-6


def test_euler_is_intrinsic_in_the_order_written(kind):
    angles = kind.array([[0.3, -0.5, 0.7]])
    z, x, y = (r.quat_about(a, angles[:, i]) for i, a in enumerate("zxy"))
    kind.same(r.quat_from_euler("zxy", angles), r.quat_mul(r.quat_mul(z, x), y))


def test_between_turns_one_direction_into_the_other(kind):
    u, v = kind.vectors(100), kind.vectors(100)
    unit = v / ((v * v).sum(-1) ** 0.5)[:, None]
    length = ((u * u).sum(-1) ** 0.5)[:, None]
    kind.same(r.quat_apply(r.quat_between(u, v), u / length), unit, ulps=200)


@pytest.mark.parametrize("off", [0.0, 1e-10, 1e-7, 1e-5, 1e-3])
def test_between_nearly_opposite_directions(kind, off):
    u = np.concatenate([np.eye(3), -np.eye(3), kind.rng.normal(size=(20, 3))])
    u /= np.linalg.norm(u, axis=-1, keepdims=True)
    v = -u + off * np.roll(u, 1, axis=-1)
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    u, v = kind.array(u), kind.array(v)
    turned = np.asarray(r.quat_apply(r.quat_between(u, v), u))
    # Half of the digits is what the direction of a vanishing cross product can give.
    assert np.abs(turned - np.asarray(v)).max() < 5 * np.finfo(kind.dtype).eps ** 0.5


def test_yaw_is_heading(kind):
    heading = kind.array(np.linspace(-3, 3, 50))
    pitch = kind.array(np.linspace(-1, 1, 50))
    q = r.quat_mul(r.quat_about("z", heading), r.quat_about("y", pitch))
    kind.same(r.quat_yaw(q), heading, ulps=40)


@pytest.mark.parametrize("pitch", [np.pi / 2, -np.pi / 2])
def test_yaw_of_a_body_that_lies_on_its_front_or_back(kind, pitch):
    heading = kind.array(np.linspace(-3, 3, 20))
    q = r.quat_mul(r.quat_about("z", heading), r.quat_about("y", kind.array(np.full(20, pitch))))
    kind.same(r.quat_yaw(q), heading, ulps=40)


def test_frame_from_axes(kind):
    q = kind.quats(100)
    m = r.quat_to_matrix(q)
    kind.same_rotation(r.quat_from_axes(2 * m[..., 0], m[..., 1] + 0.3 * m[..., 0]), q, ulps=60)


def test_orders_of_other_libraries(kind):
    q = kind.quats(10)
    assert np.asarray(r.wxyz_to_xyzw(q))[0, 3] == np.asarray(q)[0, 0]
    kind.same(r.xyzw_to_wxyz(r.wxyz_to_xyzw(q)), q, ulps=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_ignores_signs_and_follows_weights(dtype):
    rng = np.random.default_rng(0)
    centre = r.quat_from_rotvec(np.array([0.3, -1.0, 0.5], dtype))
    noise = rng.normal(scale=0.1, size=(20, 3)).astype(dtype)
    noise = np.concatenate([noise, -noise])
    q = r.quat_mul(centre, r.quat_from_rotvec(noise)) * rng.choice([-1, 1], (40, 1)).astype(dtype)
    mean = r.quat_mean(q)
    assert mean.dtype == dtype
    assert r.quat_angle(mean, centre) < 1e-5
    assert r.quat_angle(r.quat_mean(q, np.eye(40)[7]), q[7]) < 1e-3


def test_continuous_quats_never_jump():
    rng = np.random.default_rng(0)
    q = r.quat_from_rotvec(np.cumsum(rng.normal(scale=0.1, size=(200, 4, 3)), axis=0).astype(np.float32))
    flipped = q * rng.choice([-1, 1], (200, 4, 1)).astype(np.float32)
    smooth = r.quat_continuous(flipped)
    assert smooth.dtype == np.float32
    assert ((smooth[1:] * smooth[:-1]).sum(-1) > 0).all()
    np.testing.assert_array_equal(np.abs(smooth), np.abs(q))
    np.testing.assert_array_equal(smooth[0], flipped[0])
    np.testing.assert_array_equal(r.quat_continuous(q[:1]), q[:1])


def test_scipy_agrees():
    rng = np.random.default_rng(0)
    rotvec, v = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    q, theirs = r.quat_from_rotvec(rotvec), Rotation.from_rotvec(rotvec)
    np.testing.assert_allclose(r.quat_to_matrix(q), theirs.as_matrix(), atol=1e-14)
    np.testing.assert_allclose(r.quat_apply(q, v), theirs.apply(v), atol=1e-14)
    for order in ORDERS:
        np.testing.assert_allclose(r.quat_to_euler(order, q), theirs.as_euler(order.upper()), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-6, 0.9e-4, 1.1e-4, 1e-2, 1.0])
def test_gradients_of_exp_and_log_are_finite_and_right(dtype, size):
    rotvec = (size * torch.tensor([0.6, 0.0, -0.8], dtype=dtype)).requires_grad_()
    through = torch.autograd.functional.jacobian(lambda x: r.quat_to_rotvec(r.quat_from_rotvec(x)), rotvec)
    torch.testing.assert_close(
        through, torch.eye(3, dtype=dtype), atol=2e-5 if dtype == torch.float32 else 1e-7, rtol=0
    )


def test_gradients_at_identity_are_exact():
    zero = torch.zeros(3, dtype=torch.float64)
    exp = torch.autograd.functional.jacobian(r.quat_from_rotvec, zero)
    torch.testing.assert_close(exp, 0.5 * torch.eye(4, dtype=torch.float64)[:, 1:])
    hessian = torch.autograd.functional.hessian(lambda x: r.quat_from_rotvec(x)[0], zero)
    torch.testing.assert_close(hessian, -0.25 * torch.eye(3, dtype=torch.float64))
    q = torch.tensor([[1.0, 0, 0, 0]], requires_grad=True)
    for f in (r.quat_to_rotvec, lambda x: r.quat_angle(x, q.detach()), r.quat_normalize, r.quat_to_matrix):
        assert torch.autograd.grad(f(q).sum(), q)[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64])
def test_every_function_differentiates(dtype):
    rng = np.random.default_rng(0)
    q = torch.as_tensor(rng.normal(size=(3, 4)), dtype=dtype).requires_grad_()
    v = torch.as_tensor(rng.normal(size=(3, 3)), dtype=dtype).requires_grad_()
    gradcheck = torch.autograd.gradcheck
    assert gradcheck(r.quat_mul, (q, q.detach().roll(1, 0).requires_grad_()))
    assert gradcheck(r.quat_apply, (q, v))
    assert gradcheck(r.quat_to_matrix, (q,))
    assert gradcheck(lambda x: r.quat_from_matrix(r.quat_to_matrix(r.quat_normalize(x))), (q,))
    assert gradcheck(lambda x: r.quat_to_euler("zxy", r.quat_normalize(x)), (q,))
    assert gradcheck(lambda x: r.quat_yaw(r.quat_normalize(x)), (q,))
    assert gradcheck(lambda a, b: r.quat_between(a, b), (v, v.detach().roll(1, 0).requires_grad_()))
