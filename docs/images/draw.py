"""Draw docs/images/demo.png: eight moments of the built-in demo, the human above the robot.

Run it from the root of the checkout: .venv/bin/python docs/images/draw.py
"""

from pathlib import Path

from understudy import motion, retarget, robots, view
from understudy.motion import sample

FIRST, LAST = 1.80, 13.75  # seconds of the demo between which the moments are spread

human = sample.demo()
[robot] = retarget.FrameIK(robots.load("unitree_g1"))([human])
human, robot = (motion.trim(clip, FIRST, LAST) for clip in (human, robot))
view.sheet(Path(__file__).parent / "demo.png", human, robot, columns=8, rows=1, cell=(165, 215))
