"""Measure a robot motion, certify it, and see a certificate fail where the motion was spoilt.

Run: python examples/02_metrics_and_certificate.py [FOLDER] (default out/examples). It needs no data.
"""

import sys
from dataclasses import replace
from pathlib import Path

from understudy import evaluate, motion, retarget, robots
from understudy.motion import sample

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
out.mkdir(parents=True, exist_ok=True)

g1 = robots.load("unitree_g1")
human = sample.motion("squat")
[robot] = retarget.SequenceFit(g1)([human])

# The report compares the robot with the human that it was made from.
report = evaluate.report(robot, human)
for key in ("keypoint_error", "orientation_error", "self_collision", "stance_float", "flat_skating"):
    metric = report[key]
    print(f"{metric.label:28} {metric.value:8.3f} {metric.unit:5} {metric.note}")
worst = int(report.series["keypoint_error_m"].argmax())
print(f"largest key-point error at {worst / report.fps:.2f} s")

# The certificate is the part with thresholds. It belongs to exactly these numbers, and goes with them into the file.
certificate = report.certificate
print("certificate passed:", certificate.passed)
motion.save(evaluate.attach(robot, certificate), out / "certified.npz")
kept = motion.load(out / "certified.npz")
stored = evaluate.Certificate.from_dict(kept.origin.certificate)
print("belongs to the motion in the file:", stored.belongs_to(kept))

# A motion that sinks into the floor and bends the left knee beyond its range.
joint_pos = robot.joint_pos.copy()
joint_pos[:, robot.joints.index("left_knee_joint")] += 2.0
spoilt = replace(robot, joint_pos=joint_pos, root_pos=robot.root_pos - [0, 0, 0.02])
for check in evaluate.certify(spoilt, human).checks:
    verdict = "ok" if check.passed else f"fails at {check.worst_time:.2f} s ({check.where})"
    print(f"{check.label:24} {check.value:9.4g} {check.unit:12} {verdict}")
print("the old certificate belongs to it:", certificate.belongs_to(spoilt))
