"""Curves of ``benchmarks.nmr_curves`` from made-up trainings."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import machine, nmr_curves, nmr_curves_page
from understudy.errors import UnderstudyError
from understudy.retarget.nmr_model import NMRLoss


def row(setting, seed, centimetres):
    metrics = dict.fromkeys(("points_cm", "joints_deg", "bend_ratio", "limits_pct", "jumps_pct"), centimetres)
    return {
        "setting": asdict(setting),
        "seed": seed,
        "steps": 30,
        "parameters": 271_000,
        "clean": metrics,
        "spoilt": metrics,
        "seconds": 1.0,
        "device": "cpu",
    }


def test_a_mean_has_the_interval_of_students_t():
    [(mean, half)] = nmr_curves_page.intervals([[1.0, 2.0, 3.0]])
    assert (mean, half) == (2.0, pytest.approx(4.3027 / np.sqrt(3), rel=1e-4))
    assert nmr_curves_page.intervals([[5.0], [6.0]]) == [(5.0, None), (6.0, None)]


def test_settings_share_the_variance_between_their_seeds():
    (_, two), (mean, one) = nmr_curves_page.intervals([[1.0, 3.0], [7.0]])
    assert (mean, one) == (7.0, pytest.approx(12.706 * np.sqrt(2.0), rel=1e-4))
    assert two == pytest.approx(one / np.sqrt(2.0))


def test_every_setting_lacks_one_thing_and_the_rest_stays():
    plain = nmr_curves.Setting("tiny", 1.0)
    settings = nmr_curves.augmentations(plain) | nmr_curves.designs(plain)
    assert settings.pop("nothing") == plain
    for label, setting in settings.items():
        changed = [key for key, value in asdict(setting).items() if value != asdict(plain)[key]]
        assert len(changed) == 1, label
    loss = settings["loss: all but the paper's"].model().loss
    assert [getattr(loss, term) for term in nmr_curves.TERMS] == [0.0] * len(nmr_curves.TERMS)
    assert loss.features == NMRLoss().features
    assert plain.model().loss == NMRLoss()


def test_trainings_of_a_point_are_pooled_over_seeds_and_drawn(tmp_path):
    options = nmr_curves.Options(size="tiny", hours=1.0, amounts=(0.5, 1.0), sizes=("tiny",))
    places = nmr_curves.points(options)
    plain = nmr_curves.Setting("tiny", 1.0)
    rows = [row(plain, seed, cm) for seed, cm in enumerate((2.0, 4.0))]
    rows.append(row(replace(plain, faults=False), 0, 5.0))
    found = nmr_curves_page.pooled([(p.group, p.label, asdict(p.setting)) for p in places], rows)
    assert [(p["group"], p["label"], p["seeds"]) for p in found] == [
        ("hours", "1", 2),
        ("size", "tiny", 2),
        ("augmentation", "nothing", 2),
        ("augmentation", "faults", 1),
        ("design", "nothing", 2),
    ]
    nmr_curves_page.draw(found, tmp_path / "curves.png")
    assert 0 < (tmp_path / "curves.png").stat().st_size < 500_000
    document = {"facts": {}, "devices": ["cpu"], "points": found, **asdict(options)}
    assert "| faults | 0.27 M | 30 | 1 | 5 ± 18 |" in nmr_curves_page.page(document)


def test_kept_trainings_survive_a_line_that_was_cut_short(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"key": "a"}\n{"key": "b"')
    assert list(nmr_curves.read_rows(path)) == ["a"]
    assert nmr_curves.read_rows(tmp_path / "none.jsonl") == {}


def test_a_training_has_a_key_of_its_own():
    options, setting = nmr_curves.Options(), nmr_curves.Setting("tiny", 1.0)
    keys = {
        nmr_curves.key_of(setting, 0, options, "v"),
        nmr_curves.key_of(setting, 1, options, "v"),
        nmr_curves.key_of(replace(setting, skip=False), 0, options, "v"),
        nmr_curves.key_of(setting, 0, replace(options, steps=7), "v"),
        nmr_curves.key_of(setting, 0, options, "w"),
    }
    assert len(keys) == 5


def test_a_page_tells_the_command_that_makes_it():
    options = nmr_curves.Options(steps=600, amounts=(0.5, 2.0), size="tiny", data=Path("here"))
    assert machine.command("nmr_curves", options, size="SIZE") == (
        "python -m benchmarks.nmr_curves --steps 600 --size SIZE --amounts 0.5 2"
    )


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(UnderstudyError, match="no folder of pairs"):
        nmr_curves.main(nmr_curves.Options(data=tmp_path, validation=tmp_path, out=tmp_path))
