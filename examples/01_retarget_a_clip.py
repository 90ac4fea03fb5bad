"""Retarget a clip to a Unitree G1, save the result in three formats, and draw it.

Run: python examples/01_retarget_a_clip.py [FOLDER] (default out/examples). It needs no data: the clip is synthetic.
For a clip of your own, replace the line with ``sample`` by ``human = motion.load("yours.bvh")``.
"""

import sys
from pathlib import Path

from understudy import kinematics, motion, retarget, robots, view
from understudy.motion import sample

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
out.mkdir(parents=True, exist_ok=True)

# A human motion is the world pose of every joint over time: z up, metres, quaternions wxyz.
human = sample.compose((sample.Walk(steps=3), sample.Wave(count=1), sample.Stand(0.3)), fps=60)
print(f"human: {human.frames} frames at {human.fps:g} fps, {len(human.skeleton.joints)} joints")

# A robot is a compiled MuJoCo model with named landmarks. The first call ever compiles the solver.
g1 = robots.load("unitree_g1")
[robot] = retarget.SequenceFit(g1)([human])
print(f"robot: root {robot.root_pos.shape}, joints {robot.joint_pos.shape}, MuJoCo qpos {robot.qpos.shape}")

# The project's own file keeps everything: names, frame rate, tracks, and how the clip was made.
motion.save(robot, out / "robot.npz")
again = motion.load(out / "robot.npz")
print("made by:", " -> ".join(step["arrow"] for step in again.origin.history))

# A table without names, joints in the order of the model, 30 fps.
motion.save(robot, out / "robot.csv", format="unitree-csv")

# A tracking reference at 50 fps, with a second of blend from and to the home stance. It holds the poses of all bodies,
# which only the robot's kinematics can tell.
reference = motion.resample(motion.blend_home(robot, g1.home, seconds=1.0), 50)
bodies = kinematics.body_tracks(g1, reference)
motion.save(reference, out / "reference.npz", format="mjlab-npz", bodies=bodies)

view.sheet(out / "sheet.png", human, robot, columns=4, rows=1)
print("written:", ", ".join(sorted(path.name for path in out.iterdir())))
