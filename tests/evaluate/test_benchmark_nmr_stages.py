"""The page of ``benchmarks.nmr_stages`` from made-up results."""

from benchmarks import nmr_stages_page


def performed(method, clip, fell_at, moved):
    before = {"keypoint_error_world": 2.0, "jerk_mean": 50.0}
    return {
        "method": method,
        "clip": clip,
        "fell_at": fell_at,
        "retries": 1,
        "physical": {"w_mpjpe": 3.0},
        "change": {"joint_mean": moved, "root_mean": 0.02},
        "before": before,
        "after": before,
    }


def test_means_are_over_clips_that_every_network_finished():
    network = {
        "training": {"loop": {"steps": 100, "learning_rate": 1e-5}},
        "pairs": {"hours": 0.5},
        "validation": {"points_cm": 1.5},
    }
    metric = {"label": "Key points", "unit": "cm", "value": 1.75}
    names = ("stage 1", "stage 2")
    rows = [performed("stage 1", "a", None, 0.04), performed("stage 2", "a", None, 0.03)]
    rows += [performed("stage 1", "b", 1.5, 0.9), performed("stage 2", "b", None, 0.03)]
    page = nmr_stages_page.page(
        {
            "facts": {"date": "today"},
            "networks": dict.fromkeys(names, network),
            "clips": "full",
            "seconds": 4.0,
            "tables": {
                name: {"clips": 3, "passed": 2, "metrics": {"keypoint_error": metric}} for name in names
            },
            "performed": rows,
            "drawn": {"clip": "a", "time": 1.0, "apart_cm": 4.0},
        }
    )
    assert "| stage 1 | 1 of 2 | 2 | 3 | 0.04 | 2 | 2 | 2 | 50 | 50 |" in page
    assert "| stage 2 | 2 of 2 | 2 | 3 | 0.03 | 2 | 2 | 2 | 50 | 50 |" in page
    assert "| Key points | cm | 1.75 | 1.75 |" in page
    assert "| stage 2 | 0.5 | 100 | 1e-05 | 1.5 | – | – |" in page
