"""Batched solvers in torch: a box-constrained QP, and damped Gauss–Newton on a batch of poses with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from understudy.errors import SolverFailed
from understudy.kinematics.barriers import Barrier
from understudy.kinematics.chain import State, integrate
from understudy.kinematics.terms import LandmarkOrientation, Target, Term

_LENGTHS = 12  # step lengths tried in each direction: 1, ½, ¼, …


def solve_box_qp(
    hessian: Float[Tensor, "*batch n n"],
    gradient: Float[Tensor, "*batch n"],
    lower: Float[Tensor, "*#batch n"],
    upper: Float[Tensor, "*#batch n"],
    passes: int = 20,
) -> Float[Tensor, "*batch n"]:
    """argmin ½ xᵀHx + gᵀx over lower ≤ x ≤ upper, for positive definite H.

    Projected Newton (Bertsekas, 1982): variables that press against a bound are held there, the others take a
    Newton step, cut back to the box. Where that makes no way a projected gradient step does, so that the
    objective always falls. Once the held set is right the next pass is exact. Raises SolverFailed where H is
    not positive definite.
    """
    x = torch.zeros_like(gradient).clamp(lower, upper)
    lengths = 0.5 ** torch.arange(_LENGTHS, dtype=x.dtype, device=x.device)[:, None]
    diagonal = hessian.diagonal(dim1=-2, dim2=-1)
    eps = torch.finfo(x.dtype).eps
    for _ in range(passes):
        slope = _product(hessian, x) + gradient
        free = ~(((x <= lower) & (slope > 0)) | ((x >= upper) & (slope < 0)))
        steps = torch.stack([_newton_step(hessian, slope, free), -slope / diagonal], dim=-2)
        trials = x[..., None, :] + (lengths * steps[..., None, :]).flatten(-3, -2)
        moves = trials.clamp(lower[..., None, :], upper[..., None, :]) - x[..., None, :]
        change = (moves * (0.5 * moves @ hessian + slope[..., None, :])).sum(-1)
        best = change.argmin(-1)[..., None, None].expand(*x.shape[:-1], 1, x.shape[-1])
        move = torch.take_along_dim(moves, best, dim=-2)[..., 0, :]
        # Rounding can make the best of steps without effect a step uphill.
        move = torch.where((change.amin(-1) < 0)[..., None], move, 0.0)
        x = (x + move).clamp(lower, upper)
        if (move.abs() <= 4 * eps * (1 + x.abs())).all():
            break
    return x


def _newton_step(hessian: Tensor, slope: Tensor, free: Tensor) -> Tensor:
    """−H⁻¹ slope among the free variables, zero for the held ones."""
    both = free[..., :, None] & free[..., None, :]
    held = torch.diag_embed((~free).to(slope.dtype))
    factor, failed = torch.linalg.cholesky_ex(torch.where(both, hessian, 0.0) + held)
    if failed.any():
        raise SolverFailed(
            "A Hessian is not positive definite; raise the damping, or give every joint some weight."
        )
    return -torch.cholesky_solve((slope * free)[..., None], factor)[..., 0]


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]


def gauss_newton(
    terms: Iterable[Term], state: State, target: Target, *, exact: bool = False
) -> tuple[Float[Tensor, "*batch tangent tangent"], Float[Tensor, "*batch tangent"]]:
    """The Gauss–Newton Hessian Σ JᵀWJ and the gradient Σ JᵀWr of the cost.

    ``exact`` differentiates orientation errors exactly. Without it their Jacobian is the angular one, as in
    the numba kernels: the same gradient, and a Hessian that does not fade for landmarks turned far from their
    targets.
    """
    jacobians, residuals, weights = [], [], []
    for term in terms:
        if isinstance(term, LandmarkOrientation) and not exact:
            jacobians.append(term.angular_jacobian(state))
        else:
            jacobians.append(term.jacobian(state, target))
        residuals.append(term.residual(state, target))
        weights.append(term.weight_rows(state))
    j, r, w = torch.cat(jacobians, -2), torch.cat(residuals, -1), torch.cat(weights)
    weighted = (j * w[:, None]).transpose(-1, -2)
    return weighted @ j, (weighted @ r[..., None])[..., 0]


@dataclass(frozen=True)
class PoseFitConfig:
    """How ``fit_poses`` runs."""

    iterations: int = 20
    """At most this many steps."""
    damping: float = 1e-3
    """What it starts from, relative to each diagonal entry of the Hessian."""
    stiffness: float = 1e4
    """What breaking a barrier costs, 1/m² or 1/rad²."""
    max_turn: float = 0.5
    """No joint, and the root, turns further than this in one step, rad."""
    max_shift: float = 0.5
    """The root moves no further than this in one step, m."""
    tolerance: float = 1e-6
    """Finished when no pose's cost fell by more than this fraction."""


def pose_cost(
    terms: Iterable[Term], barriers: Iterable[Barrier], state: State, target: Target, stiffness: float
) -> Float[Tensor, "*batch"]:
    """½ Σ w r² + ½ stiffness Σ min(h, 0)²."""
    parts = [(t.weight_rows(state) * t.residual(state, target).square()).sum(-1) for t in terms]
    parts += [stiffness * b.h(state).clamp(max=0).square().sum(-1) for b in barriers]
    return 0.5 * torch.stack(parts).sum(0)


def fit_poses(
    terms: Sequence[Term],
    start: State,
    target: Target,
    barriers: Sequence[Barrier] = (),
    config: PoseFitConfig = PoseFitConfig(),
) -> tuple[State, Float[Tensor, "*batch"]]:
    """Levenberg–Marquardt on each pose of a batch, inside the joint limits; the poses and their costs.

    Every pose has its own damping and takes a step only where its own cost falls; only when to stop is
    decided together. Barriers are penalties on the part that is broken. Raises SolverFailed where a Hessian
    is singular.
    """
    state = _bounded(start)
    cost = pose_cost(terms, barriers, state, target, config.stiffness)
    damping = torch.full_like(cost, config.damping)
    for _ in range(config.iterations):
        hessian, gradient = _normal_equations(terms, barriers, state, target, config.stiffness)
        diagonal = hessian.diagonal(dim1=-2, dim2=-1)
        damped = hessian + torch.diag_embed(damping[..., None] * (diagonal + 0.1))
        trial = _bounded(integrate(state, solve_box_qp(damped, gradient, *_box(state, config))))
        new = pose_cost(terms, barriers, trial, target, config.stiffness)
        better = new < cost
        done = torch.where(better, cost - new <= config.tolerance * cost, damping > 1e6).all()
        state = _choose(better, trial, state)
        cost = torch.where(better, new, cost)
        damping = torch.where(better, (0.2 * damping).clamp(min=1e-7), 8 * damping)
        if done:
            break
    return state, cost


def _normal_equations(
    terms, barriers, state: State, target: Target, stiffness: float
) -> tuple[Tensor, Tensor]:
    hessian, gradient = gauss_newton(terms, state, target)
    for barrier in barriers:
        h, dh = barrier.h(state), barrier.dh(state)
        broken = dh * (h < 0)[..., None]
        hessian = hessian + stiffness * broken.transpose(-1, -2) @ broken
        gradient = gradient + stiffness * (h.clamp(max=0)[..., None] * broken).sum(-2)
    return hessian, gradient


def _box(state: State, config: PoseFitConfig) -> tuple[Tensor, Tensor]:
    """Bounds of one step: the trust region of the root, and that of the joints inside their limits."""
    q, chain = state.joint_pos, state.chain
    root = q.new_tensor([config.max_shift] * 3 + [config.max_turn] * 3).expand(*q.shape[:-1], 6)
    lower = (chain.lower - q).clamp(min=-config.max_turn)
    upper = (chain.upper - q).clamp(max=config.max_turn)
    return torch.cat([-root, lower], dim=-1), torch.cat([root, upper], dim=-1)


def _bounded(state: State) -> State:
    """Joints inside their limits to the last digit, which a sum rounds away."""
    chain = state.chain
    return chain.at(state.root_pos, state.root_quat, state.joint_pos.clamp(chain.lower, chain.upper))


def _choose(where: Tensor, a: State, b: State) -> State:
    pick = where[..., None]
    return a.chain.at(
        torch.where(pick, a.root_pos, b.root_pos),
        torch.where(pick, a.root_quat, b.root_quat),
        torch.where(pick, a.joint_pos, b.joint_pos),
    )
