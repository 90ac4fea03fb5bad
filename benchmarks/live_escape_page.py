"""The page of ``benchmarks.live_escape``, and the numbers on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.pages import table

ALPHAS = np.linspace(0.0, 1.0, 201)[1:]
"""Where the set of escaping α is looked at."""
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DRAWS = 200
BUDGETS = np.geomspace(1e-5, 5e-3, 40)
"""s."""


def summarised(document: dict[str, Any]) -> dict[str, Any]:
    """With the sets of escaping α as what is told of them."""
    sets = {name: np.array(value) for name, value in document["escape"].items()}
    far, better = sets["far"], sets["better"]
    arm = sets["arm"][far]
    trapped, reach = arm[~arm[:, -1]], better[far][~arm[:, -1]]
    hopeless, short = ~trapped.any(-1), sets["shortened"][far][~arm[:, -1]]
    largest = [ALPHAS[np.flatnonzero(row)[-1]] for row in trapped if row.any()]
    times = {row["name"]: row for row in document["times"]}
    p_arm, p_both = sets["arm"].mean(-1)[far.all(-1)], sets["both"].mean(-1)[far.all(-1), 0]
    k_arm, k_both = BUDGETS / (2.0 * times["one arm"]["daqp"]), BUDGETS / times["both arms"]["daqp"]
    return document | {
        "escape": {
            "p": {"arm": arm.mean(-1).tolist(), "both": p_both.tolist()},
            "full_step": float(arm[:, -1].mean()),
            "better": {"hopeless": float(reach[hopeless].mean()), "others": float(reach[~hopeless].mean())},
            "all": _by_count(arm),
            "trapped": _by_count(trapped),
            "shortened": float(short.any(-1).mean()),
            "largest": float(np.median(largest)),
            "connected": float(np.mean([_connected(row) for row in arm if row.any()])),
            "budget": {
                "dist": (1.0 - (1.0 - p_arm[..., None]) ** k_arm).prod(1).mean(0).tolist(),
                "whole": (1.0 - (1.0 - p_both[:, None]) ** k_both).mean(0).tolist(),
            },
        },
        "elbows": document["elbows"] | {"told": _basins(document["elbows"])},
    }


def _by_count(sets: np.ndarray) -> dict[str, list[float]]:
    """Mean over states of the theorem, of uniform draws, and of the grid j/K, for each K."""
    random, size = np.random.default_rng(5), sets.shape[-1]
    p = sets.mean(-1)
    found: dict[str, list[float]] = {"theory": [], "drawn": [], "grid": []}
    for count in COUNTS:
        found["theory"].append(float((1.0 - (1.0 - p) ** count).mean()))
        found["drawn"].append(float(sets[:, random.integers(size, size=(DRAWS, count))].any(-1).mean()))
        grid = np.round(np.arange(1, count + 1) / count * size).astype(int) - 1
        found["grid"].append(float(sets[:, np.maximum(grid, 0)].any(-1).mean()))
    return found | {"states": [float(len(sets))], "never": [float((p == 0.0).mean())]}


def _connected(row: np.ndarray) -> bool:
    """Whether the set is one interval."""
    return int((np.diff(np.concatenate([[0], row.astype(int)])) == 1).sum()) == 1


def _basins(elbows: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Shares of starts that end in the better minimum, in the other, elsewhere; and as α = 1 does."""
    safe = np.array(elbows["safe"])
    label = {name: labels(np.array(ends))[safe] for name, ends in elbows["ends"].items()}
    reference = label["one QP, α = 1"]
    return {
        name: {
            "better": float((value == 0).mean()),
            "other": float((value == 1).mean()),
            "elsewhere": float((value == 2).mean()),
            "same": float((value == reference).mean()),
        }
        for name, value in label.items()
    }


def labels(ends: np.ndarray) -> np.ndarray:
    """0 for the elbow bent as wanted, 1 for bent past straight, 2 for neither minimum."""
    minima = np.array([[-0.9, 0.95], [-1.38, 1.76]])
    far = np.linalg.norm(ends[..., None, :] - minima, axis=-1)
    return np.where(far.min(-1) < 0.05, far.argmin(-1), 2)


def without_maps(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept as numbers beside the page."""
    told = {"told": document["elbows"]["told"]}
    return dict(document) | {"elbows": told, "volumes": _volumes(document["volumes"])}


def _volumes(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    found = {}
    for n in sorted({row["columns"] for row in rows}):
        mine = [row for row in rows if row["columns"] == n]
        found[str(n)] = (
            {"states": len(mine)}
            | {key: float(np.median([row[key] for row in mine])) for key in ("bound", "ratio", "path")}
            | {"uniform": float(np.mean([row["uniform"] for row in mine]))}
        )
    return found


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def page(document: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    return "\n\n".join([*_head(document), *_escape(document), *_cost(document), *_solver(document)]) + "\n"


def _head(document: Mapping[str, Any]) -> list[str]:
    chosen = [
        (
            r["name"],
            *(_percent(r[k]) for k in ("certified", "below_one")),
            f"{r['processor_ms']:.3f}",
            f"{r['final_mm']:.1f}",
        )
        for r in document["chosen"]
    ]
    told = [
        (name, *(_percent(value[key]) for key in ("better", "other", "elsewhere", "same")))
        for name, value in document["elbows"]["told"].items()
    ]
    return [
        "# What continuation is worth",
        "The claims of MIRROR (Li, Yang and Ames, 2026) about its continuation over α, put to the test on the G1. "
        f"States are those of closed loops on {document['trials']} of the trials of "
        "`benchmarks/live_trials.py`, on the "
        "paper's problem; exact paths give Δq at every α.",
        table(("", ""), document["facts"].items()),
        "![Basins, P(escape), cost, volumes and convergence](live_escape.png)",
        "## Where Eq. 15–16 choose α < 1",
        "With the linear prediction, W = W_x and exact solutions they cannot, but for the damping. Write the "
        "QP as min "
        "Q(v) − α c(v), with Q = ½‖Jv‖² + ½‖v‖² in W_x and W_q, and c = eᵀW_xJv. The feasible set does not "
        "depend on α. So "
        "Q(Δq) and c(Δq) rise with α, and Q − c falls up to α = 1. V̂⁺ = V + Q − c − ½‖Δq‖² in W_q can rise "
        "with α only "
        "by what the last term, the damping, loses. Where α = 1 is refused, all are: the certificate says "
        "whether a step is taken, and not which. What does choose α < 1 is QPs that are not solved, and V, F "
        "and barriers "
        "by forward kinematics.",
        table(
            ("", "certified, %", "certified at α < 1, % of all", "ms a step", "error at the end, mm"), chosen
        ),
        "The errors are those of the paper's problem, in which the true certificate lacks room beside barriers; "
        "[live inverse kinematics](../methods/live_ik.md) adds a buffer, and tells it on all trials.",
        "## Basins (Proposition 1)",
        "Shoulder pitch and elbow of one arm, one target within reach in two ways: the elbow bent, where it "
        "is met, and "
        "bent past straight, where it is missed. From a grid of safe starts, 40 steps each; shares in per cent.",
        table(("", "the better minimum", "the other", "elsewhere", "where one QP at α = 1 ends"), told),
        "All candidates are pulled to the same target along one curve that begins where the robot is. No α "
        "leads from "
        "one basin to the other, nor do 256 drawn at random. What changes basins is another start.",
    ]


def _escape(document: Mapping[str, Any]) -> list[str]:
    e = document["escape"]
    keys = ("theory", "drawn", "grid")
    rows = [
        (str(k), *(f"{100 * e[group][key][i]:.1f}" for group in ("all", "trapped") for key in keys))
        for i, k in enumerate(COUNTS)
    ]
    return [
        "## P(escape) against K (Theorem 1)",
        "A candidate escapes where V and F by forward kinematics fall (Eq. 15 and 21) and barriers hold; p "
        "is the measure of "
        "such α at a state. States are those of an arm whose hand is further than 2 mm from its target. The "
        "full step escapes "
        f"in {_percent(e['full_step'])} % of {int(e['all']['states'][0])}. Of the other "
        f"{int(e['trapped']['states'][0])}, "
        f"{_percent(e['trapped']['never'][0])} % have no escaping α at all, however many are tried; in "
        f"{_percent(e['better']['hopeless'])} % of those the global SQP finds a pose with a tenth less of V, "
        "in the rest it "
        "finds none. The set of escaping α is one interval in "
        f"{_percent(e['connected'])} % of the states that have one. Per cent of states with an escaping "
        "candidate among K, "
        "in all states and in those where the full step does not escape:",
        table(("K", "1 − (1 − p)^K", "drawn", "grid", "no full step: 1 − (1 − p)^K", "drawn", "grid"), rows),
        "The formula holds, as it must, state by state. K is worth something where a full step fails, and "
        "there it buys "
        f"short steps: the largest escaping α has a median of {e['largest']:.2f}. The full step made shorter, "
        "α Δq(1), which a "
        f"line search tries at the price of one QP, escapes in {_percent(e['shortened'])} % of those states; "
        "some Δq(α) "
        f"does in {_percent(1.0 - e['trapped']['never'][0])} %.",
    ]


def _cost(document: Mapping[str, Any]) -> list[str]:
    times = [
        (r["name"], str(r["columns"]), *(f"{1e6 * r[key]:.1f}" for key in ("daqp", "admm", "path")))
        for r in document["times"]
    ]
    volumes = [
        (
            n,
            str(v["states"]),
            f"{v['ratio']:.3f}",
            f"{v['bound']:.1e}",
            f"{v['uniform']:.4f}",
            f"{v['path']:.3f}",
        )
        for n, v in _volumes(document["volumes"]).items()
    ]
    one, both = document["times"]
    return [
        "## Compute and coverage (Eq. 26)",
        "Processor time, µs: one candidate by DAQP, one of 257 by ADMM, and all α by the exact path.",
        table(("", "columns", "DAQP", "ADMM", "path, all α"), times),
        f"K_dist / K_whole is {both['daqp'] / (2.0 * one['daqp']):.2f} by DAQP and "
        f"{both['admm'] / (2.0 * one['admm']):.2f} "
        "by ADMM, where an iteration's overhead counts more than the dimension: at the size of arms costs "
        "are not cubic. And "
        "coverage is not scarce: all α at once cost as much as one or two candidates.",
        "## Volume (Eq. 28)",
        "r is the radius about the largest escaping Δq(α) within which 24 random directions all escape, R "
        "that of the ball "
        "about the box. Medians over states of the bound (r/R)^m and the share of α that escape; mean share "
        "of uniform "
        "increments in the box that do.",
        table(("m", "states", "r/R", "(r/R)^m", "uniform", "along α"), volumes),
        "Random increments hit less with m, though much more than the bound says. But candidates of the "
        "continuation lie "
        "on a curve, whatever m is: Lemma 3 says nothing about them.",
    ]


def _solver(document: Mapping[str, Any]) -> list[str]:
    kinds = [(f"{r['rho']:g}", str(r["iterations"]), r) for r in document["convergence"]]
    rows = [
        (rho, count, *(f"{v:.1e}" for v in (*r["apart"], *r["broken"])))
        for rho, count, r in [*kinds, ("50, K = 256", "50, warm", document["warm"])]
    ]
    w = document["whole"]
    return [
        "## What ADMM leaves",
        "Held against exact paths, over all α: how far the worst joint is from the solution (rad; the box is "
        "±0.2), and "
        "by how much the worst barrier row is broken (m²); median, 90 % and most. From zero but for the last "
        "row, which goes "
        "through trials as the paper does. Rows are scaled to unit length, of which the paper does not tell.",
        table(("ρ", "iterations", "apart", "90 %", "most", "broken", "90 %", "most"), rows),
        "ρ = 50 is far above the curvature of an arm's free directions (W_q = 0.02), which then hardly move: "
        "50 iterations "
        f"do not converge, nor do 1000. Warm, {_percent(document['warm']['feasible'])} % of the candidates "
        "keep all rows "
        "to 10⁻⁶ m². Only the 24 nearest rows are solved for: what stays broken "
        "after 1000 iterations at ρ = 1 may be others. On a GPU the iterations are a CUDA graph; that has "
        "not been run, for want of one.",
        "## The global SQP",
        f"The whole nonlinear IK in every step, on {w['trials']} trials: {w['processor_ms']:.2f} ms and "
        f"{w['iterations'][0]:.0f} iterations a step; {_percent(w['iterations'][1])} % of the steps "
        "stop at the limit of 60. "
        f"{w['error_mm']:.1f} mm on the way and {w['final_mm']:.1f} mm at the end, barriers broken in "
        f"{w['broken']} trials (deepest {w['deepest_mm']:.3f} mm). In {_percent(w['over_step'])} % of the "
        "steps it moves a joint "
        "further than the bound on a step lets the others.",
    ]
