"""Where a retargeting cost is not convex, on paper and in practice: Hessians of an arm, basins of single frames.

python -m benchmarks.non_convexity

Prints tables and draws ``docs/images/non_convexity_*.png``; the page that reads them is
``docs/methods/non_convexity.md``.
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
import tyro  # noqa: E402

from benchmarks import basins, clips, curvature, non_convexity_pictures  # noqa: E402
from benchmarks.basins import Given, Poses, Task, joined, levels, minima, poses_of  # noqa: E402
from benchmarks.pages import table  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.kinematics import human_of  # noqa: E402
from understudy.kinematics.poses import posed  # noqa: E402
from understudy.protocols import Retargeter  # noqa: E402
from understudy.robots.robot import Robot  # noqa: E402

FPS = 30.0
REAL = (
    ("permissive/cmu_daz/05/05_08.bvh", "left_shoulder"),
    ("permissive/cmu_daz/05/05_08.bvh", "right_shoulder"),
    ("permissive/cmu_rnn_indian/94_08.bvh", "left_shoulder"),
    ("permissive/cmu_rnn_salsa/60_10.bvh", "left_shoulder"),
)
"""Clips and limbs whose basins are drawn, at the middle one of the frames where the passes disagree about the limb."""
MADE = {
    "arm overhead sideways": ({"left_shoulder_roll": 2.2, "left_elbow": 1.5}, "left_shoulder"),
    "hand behind the back": (
        {
            "left_shoulder_pitch": 1.0,
            "left_shoulder_roll": 0.3,
            "left_shoulder_yaw": -1.0,
            "left_elbow": 0.3,
        },
        "left_shoulder",
    ),
    "straight arm ahead": ({"left_shoulder_pitch": -1.5, "left_elbow": 1.57}, "left_shoulder"),
    "high kick": ({"left_hip_pitch": -2.3, "left_knee": 0.1}, "left_hip"),
}
"""Poses made from the home stance by setting joints (rad), taken as a human's; with the limb to start over."""
VARIANTS = {
    "limits and bodies": Given(),
    "no bodies": Given(bodies=False),
    "no limits": Given(limits=False),
    "neither": Given(limits=False, bodies=False),
}
BEST = (1.02, 0.005)
"""A pose is in the best minimum if its cost is at most so many times, and so much more than, the least found."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Hessians of the left arm and basins of frame-ik's cost; draws pictures and prints tables."""

    robot: str = "unitree_g1"
    methods: tuple[str, ...] = ("frame-ik", "sequence-fit")
    """Whose poses are looked for in the basins: names of ``retarget.METHODS``."""
    clips: str = "full"
    """Where hard frames come from: ``full`` (the test split), ``quick``, or a file with one clip a line."""
    hard: int = 200
    """How many hard frames."""
    free: int = 60
    """At how many of them limits and bodies are taken away."""
    grid: int = 41
    """Starts along each of the two joints of a map."""
    corpus: Path | None = None
    out: Path = Path("docs/images")
    record: Path = Path("out/benchmarks/non_convexity.json")


@dataclasses.dataclass(frozen=True)
class Axis:
    """A joint and its range, rad."""

    name: str
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True, eq=False)
class Map:
    """One frame from a grid of starts: which minimum each ends in (ranked by cost), what the minima cost, and where the
    methods' poses are: their two joints, and the cost of the minimum that they lie in."""

    title: str
    across: Axis
    up: Axis
    label: np.ndarray
    cost: np.ndarray
    variants: dict[str, tuple[int, int, float]]
    marks: dict[str, tuple[float, float, float]]


def main(options: Options) -> int:
    """Measure, print, draw. Returns the exit code."""
    torch.set_num_threads(1)
    robot = robots.load(options.robot)
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    options.out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"hessians": _hessians(curvature.Arm.of(robot), options.out)}
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    corpus = clips.corpus_folder(options.corpus)
    maps = [*_real_maps(robot, methods, corpus, options.grid), *_made_maps(robot, options.grid)]
    record["maps"] = [_told(m) for m in maps]
    non_convexity_pictures.maps(maps, options.out / "non_convexity_basins.png")
    print("\n## Basins of single frames\n\n" + _map_table(maps))
    found = _hard_frames(robot, methods, corpus, options)
    record["hard"] = found
    print("\n## Hard frames\n\n" + _hard_tables(found))
    non_convexity_pictures.hard(found, options.out / "non_convexity_hard.png")
    options.record.parent.mkdir(parents=True, exist_ok=True)
    document = record | {"facts": machine.facts("python -m benchmarks.non_convexity")}
    options.record.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _hessians(arm: curvature.Arm, out: Path) -> dict[str, Any]:
    """Sections 1 and 2 of the page."""
    offsets = np.linspace(-0.3, 0.2, 51)
    reach = curvature.beyond_reach(arm, offsets)
    bends, distances = np.linspace(-0.6, 2.4, 61), np.linspace(0.05, 1.4, 55)
    sweep = curvature.elbow_sweep(arm, bends, distances)
    non_convexity_pictures.reach(offsets, reach, bends, distances, sweep, out / "non_convexity_reach.png")
    shown = [-0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2]
    rows = [[f"{o:+.2f}"] + [f"{v[np.abs(offsets - o).argmin()]:.2g}" for v in reach.values()] for o in shown]
    print("## Full extension, target further ahead by (m)\n\n" + table(("target", *reach), rows))
    far = np.array([0.01, 0.05, 0.1, 0.2, 0.4])
    shares = curvature.position_share(arm, far, 2000)
    rows = [(f"{o:g}", f"{100 * a:.0f} %", f"{100 * b:.0f} %") for o, (a, b) in zip(far, shares, strict=True)]
    head = ("target off by (m)", "four joints", "three joints")
    print("\n## Random poses and targets: total negative\n\n" + table(head, rows))

    tasks = (("position, 4 joints", [0, 1, 2, 3], True), ("pose, 7 joints", list(range(7)), False))
    solved = {
        (words, limits): curvature.reached(arm, joints, limits, position_only)
        for words, joints, position_only in tasks
        for limits in (True, False)
    }
    print("\n## Reachable targets from random poses\n\n" + _solved_table(solved))

    angles = np.linspace(0.02, 3.12, 156)
    free = curvature.free_sweep(angles)
    few = np.radians([15, 45, 90, 135, 175])
    turned = {
        name: curvature.arm_turned(arm, joints, few, 500)
        for name, joints in (("wrist, 3 joints", [4, 5, 6]), ("arm, 7 joints", list(range(7))))
    }
    ratios, sizes = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0), (0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
    uneven = {r: curvature.first_negative(angles, curvature.anisotropic(angles, r, 300)) for r in ratios}
    coupled = {s: curvature.first_negative(angles, curvature.coupled(angles, s, 300)) for s in sizes}
    non_convexity_pictures.logarithm(
        angles, free, few, turned, (uneven, coupled), out / "non_convexity_log.png"
    )
    print("\n## Orientation task\n\n" + _turned_table(few, turned))
    for words, first in (("weights 1 : 1 : r", uneven), ("position error √(w_p/w_R)‖p‖", coupled)):
        rows = [(f"{k:g}", "never" if np.isnan(v) else f"{np.degrees(v):.0f}°") for k, v in first.items()]
        print(f"\n## Total first negative, {words}\n\n" + table((words, "from"), rows))
    return {
        "reach": {k: v.tolist() for k, v in reach.items()},
        "uneven": uneven,
        "coupled": coupled,
        "solved": list(solved.values()),
    }


def _solved_table(solved: Mapping[tuple[str, bool], tuple[float, float, float]]) -> str:
    rows = [
        (
            words,
            "kept" if limits else "taken away",
            f"{100 * there:.0f} %",
            f"{100 * edge:.0f} %" if limits else "–",
            f"{1000 * left:.0f} mm",
        )
        for (words, limits), (there, edge, left) in solved.items()
    ]
    return table(
        ("task", "joint limits", "reached", "of the rest, on a limit", "median miss of the rest"), rows
    )


def _turned_table(few: np.ndarray, turned: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    rows = []
    for name, found in turned.items():
        for k, angle in enumerate(few):
            medians = [f"{np.median(found[part][k]):.2f}" for part in ("curvature", "log", "chain", "total")]
            negative = 100 * (found["total"][k] < curvature.NEGATIVE).mean()
            rows.append(
                (
                    name,
                    f"{np.degrees(angle):.0f}°",
                    *medians,
                    f"{negative:.0f} %",
                    f"{found['without_chain'][k].min():.1g}",
                )
            )
    head = (
        "joints",
        "error",
        "curvature part",
        "its logarithm's share",
        "its chain's share",
        "total",
        "total negative",
        "least total without chain",
    )
    return table(head, rows)


def _real_maps(robot: Robot, methods: Mapping[str, Retargeter], corpus: Path, count: int) -> list[Map]:
    maps = []
    for name, at in REAL:
        human = clips.read(corpus, name, FPS)
        task = Task.of(robot, human)
        passes = task.forward(), task.backward()
        pair = _joints(robot, at)
        limb = task.shared.limbs == task.shared.limbs[pair[0]]
        apart = np.abs(passes[0].joint_pos - passes[1].joint_pos)[:, limb].max(-1)
        hard = np.flatnonzero(apart > basins.APART)
        frame = int(hard[len(hard) // 2]) if len(hard) else int(apart.argmax())
        found = {"frame-ik backwards": passes[1].rows(np.array([frame]))}
        for title, method in methods.items():
            [made] = method([human])
            found[title] = poses_of(made, [frame])
        side = at.split("_")[0]
        maps.append(_map(task, frame, f"{Path(name).stem}, frame {frame}, {side} arm", pair, found, count))
    return maps


def _made_maps(robot: Robot, count: int) -> list[Map]:
    maps = []
    for title, (angles, at) in MADE.items():
        joint_pos = robot.home[7:].copy()
        for joint, value in angles.items():
            joint_pos[robot.joints.index(f"{joint}_joint")] = value
        pose = posed(robot, np.clip(joint_pos, robot.lower, robot.upper))
        task = Task.of(robot, human_of(robot, pose))
        maps.append(_map(task, 0, title, _joints(robot, at), {"true pose": poses_of(pose, [0])}, count))
    return maps


def _map(
    task: Task, frame: int, title: str, pair: tuple[int, int], found: dict[str, Poses], count: int
) -> Map:
    rng = np.random.default_rng(0)
    best = task.best(frame, joined(list(found.values())), 40, rng)
    starts = task.grid(best, pair, count)
    variants = {}
    for name, given in VARIANTS.items():
        ends = task.settle(frame, starts, given)
        label = minima(ends)
        variants[name] = int(label.max()) + 1, levels(ends.cost), _share_of_best(ends.cost)
        if name == "limits and bodies":
            shown = label, np.array([ends.cost[label == k].min() for k in range(label.max() + 1)])
    marks = {}
    for name, pose in found.items():
        settled = task.settle(frame, pose).cost[0]
        marks[name] = float(pose.joint_pos[0, pair[0]]), float(pose.joint_pos[0, pair[1]]), float(settled)
    p, names = task.problem, task.shared.robot.joints
    axes = [
        Axis(names[j].removesuffix("_joint").replace("_", " "), float(p.lower[j]), float(p.upper[j]))
        for j in pair
    ]
    return Map(title, axes[0], axes[1], shown[0].reshape(count, count), shown[1], variants, marks)


def _joints(robot: Robot, at: str) -> tuple[int, int]:
    return robot.joints.index(f"{at}_pitch_joint"), robot.joints.index(f"{at}_roll_joint")


def _share_of_best(cost: np.ndarray) -> float:
    return float((cost <= cost.min() * BEST[0] + BEST[1]).mean())


def _told(m: Map) -> dict[str, Any]:
    share = np.bincount(m.label.ravel()) / m.label.size
    listed = [(float(c), float(s)) for c, s in zip(m.cost, share, strict=True) if s >= 0.01]
    return {"title": m.title, "minima": listed, "variants": m.variants, "marks": m.marks}


def _map_table(maps: Sequence[Map]) -> str:
    rows = [
        [m.title]
        + [f"{n} / {k} / {100 * s:.0f} %" for n, k, s in m.variants.values()]
        + ["; ".join(f"{name} {cost:.3f}" for name, (_, _, cost) in m.marks.items())]
        for m in maps
    ]
    return table(("frame: minima / costs / share of starts in the best", *VARIANTS, "poses, settled"), rows)


def _hard_frames(
    robot: Robot, methods: Mapping[str, Retargeter], corpus: Path, options: Options
) -> dict[str, Any]:
    """How each method's poses compare with the best minimum found, at frames where frame-ik's passes disagree; and what
    starts at random find there with limits and bodies taken away."""
    chosen, total = _choose(robot, corpus, options)
    rng = np.random.default_rng(0)
    costs: dict[str, list[float]] = {name: [] for name in (*methods, "frame-ik backwards", "best")}
    free: dict[str, list[tuple[int, float]]] = {name: [] for name in VARIANTS}
    every = max(1, sum(map(len, chosen.values())) // max(options.free, 1))
    seen = 0
    for name, frames in chosen.items():
        human = clips.read(corpus, name, FPS)
        task = Task.of(robot, human)
        ways = {title: method([human])[0] for title, method in methods.items()}
        forward, backward = task.forward(), task.backward()
        for frame in frames:
            found = {title: poses_of(made, [frame]) for title, made in ways.items()}
            found["frame-ik backwards"] = backward.rows(np.array([frame]))
            for title, pose in found.items():
                costs[title].append(float(task.settle(frame, pose).cost[0]))
            best = task.best(frame, joined(list(found.values())), 30, rng)
            costs["best"].append(float(best.cost[0]))
            if seen % every == 0:
                apart = np.abs(forward.joint_pos[frame] - backward.joint_pos[frame])
                _without(task, frame, best, int(task.shared.limbs[apart.argmax()]), free, rng)
            seen += 1
        print(f"{name}: {len(frames)} hard frames", file=sys.stderr)
    return {"clips": len(chosen), "found": total, "costs": costs, "free": free}


def _choose(
    robot: Robot, corpus: Path, options: Options
) -> tuple[dict[str, list[int]], tuple[int, int, int]]:
    """Hard frames by clip, spread evenly over all that there are; (hard frames, frames, clips) looked at."""
    listed, frames, read = [], 0, 0
    for name in clips.names(options.clips, corpus):
        try:
            human = clips.read(corpus, name, FPS)
            task = Task.of(robot, human)
        except UnderstudyError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        apart = np.abs(task.forward().joint_pos - task.backward().joint_pos).max(-1)
        listed += [(name, int(t)) for t in np.flatnonzero(apart > basins.APART)]
        frames, read = frames + human.frames, read + 1
    picked = np.unique(np.linspace(0, len(listed) - 1, min(options.hard, len(listed))).round().astype(int))
    chosen: dict[str, list[int]] = {}
    for k in picked:
        chosen.setdefault(listed[k][0], []).append(listed[k][1])
    return chosen, (len(listed), frames, read)


def _without(task: Task, frame: int, best: Poses, limb: int, free, rng: np.random.Generator) -> None:
    """Note (different costs, share of starts in the best) from 100 starts of one limb, as it is and with less."""
    starts = best.rows(np.zeros(100, np.int64))
    moved = np.flatnonzero(task.shared.limbs == limb)
    starts.joint_pos[:, moved] = rng.uniform(
        task.problem.lower[moved], task.problem.upper[moved], (100, len(moved))
    )
    for name, given in VARIANTS.items():
        cost = task.settle(frame, starts, given).cost
        free[name].append((levels(cost), _share_of_best(cost)))


def _hard_tables(found: Mapping[str, Any]) -> str:
    hard, frames, read = found["found"]
    best = np.array(found["costs"]["best"])
    rows = []
    for name, values in found["costs"].items():
        if name != "best":
            cost = np.array(values)
            inside = 100 * (cost <= best * BEST[0] + BEST[1]).mean()
            twice = 100 * (cost > 2 * best + BEST[1]).mean()
            rows.append((name, f"{inside:.0f} %", f"{twice:.0f} %", f"{np.median(cost - best):.3f}"))
    rows = sorted(rows)
    first = table(("poses of", "in the best minimum", "cost more than twice", "median excess cost"), rows)
    rows = [
        (name, f"{np.mean([k for k, _ in v]):.1f}", f"{100 * np.mean([s for _, s in v]):.0f} %")
        for name, v in found["free"].items()
    ]
    second = table(("kept", "different costs", "starts in the best"), rows)
    words = (
        f"{hard} hard frames of {frames} in {read} clips; {len(best)} looked at, of {found['clips']} clips."
    )
    return (
        f"{words}\n\n{first}\n\n{len(found['free']['neither'])} frames, 100 starts of the limb:\n\n{second}"
    )


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
