"""Retarget a whole clip at once, edit where a foot touches the floor, and make somebody else's motion pass.

Run: python examples/03_contacts_and_repair.py [FOLDER] (default out/examples). It needs no data.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from understudy import evaluate, motion, retarget, robots, view
from understudy.motion import sample

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
out.mkdir(parents=True, exist_ok=True)

g1 = robots.load("unitree_g1")
human = sample.compose((sample.Walk(steps=3), sample.Squat(), sample.Stand(0.3)), fps=30)
method = retarget.SequenceFit(g1)
[robot] = method([human])
print("certificate passed:", evaluate.certify(robot, human).passed)

# The result tells what touches the floor in which frame. A clip that carries such tracks is believed.
contacts = {name: track for name, track in robot.tracks.items() if name.startswith("contact_")}
for name, touching in contacts.items():
    if touching.any():
        print(f"{name:20} {100 * touching.mean():5.1f} % of frames")

# Say that the left foot leaves the floor a tenth of a second later than was found. It is held to its place for longer.
longer = {name: track.copy() for name, track in contacts.items()}
for name in ("contact_left_toe", "contact_left_heel"):
    longer[name][3:] |= contacts[name][:-3]
edited = replace(human, tracks={**human.tracks, **longer})
motion.save(edited, out / "edited.npz")  # `understudy retarget edited.npz --out ...` reads the same tracks
[later] = method([motion.load(out / "edited.npz")])
moved = np.abs(later.joint_pos - robot.joint_pos)
frame, joint = np.unravel_index(moved.argmax(), moved.shape)
print(
    f"edited: {robot.joints[joint]} moves otherwise by up to {moved.max():.2f} rad, at {frame / robot.fps:.2f} s"
)
view.sheet(out / "contacts.png", edited, later, columns=4, rows=1)

# A motion that others made, with other priorities: here by the baseline gmr-like, and 8 cm too low.
[foreign] = retarget.GmrLike(g1)([human])
foreign = replace(foreign, root_pos=foreign.root_pos - np.array([0.0, 0.0, 0.08]))
repaired = retarget.repair(foreign)
for name, clip in (("before", foreign), ("after", repaired)):
    failing = [check.label for check in evaluate.certify(clip).checks if not check.passed]
    print(f"{name} the repair fails:", ", ".join(failing) or "nothing")
print(f"mean joint change {np.abs(repaired.joint_pos - foreign.joint_pos).mean():.4f} rad")
motion.save(evaluate.attach(repaired, evaluate.certify(repaired)), out / "repaired.npz")
