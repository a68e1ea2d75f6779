"""Grids and widths by name, rates over steps or time, and what a resumed training may change."""

import pytest

from napari_itermask.scans.grid import PUBLISHED_GRID
from napari_itermask.training.settings import TrainSettings, channels_named, grid_named


def test_a_spacing_names_a_grid_that_holds_every_brain():
    assert grid_named("1mm") == PUBLISHED_GRID
    assert grid_named("2mm").shape == (80, 96, 80)
    assert grid_named("1.5 mm").shape == (112, 128, 112)
    assert min(grid_named("8mm").shape) == 32
    for text in ("2cm", "0.1mm", "nan", ""):
        with pytest.raises(ValueError, match="is no grid: give a spacing"):
            grid_named(text)


def test_a_width_is_a_name_or_five_even_numbers():
    assert channels_named("published") == (16, 32, 64, 128, 256)
    assert channels_named("2,4,4,4,4") == (2, 4, 4, 4, 4)
    for text in ("full", "1,2,3,4,5", "2,2,2", "0,2,2,2,2"):
        with pytest.raises(ValueError, match="is no width"):
            channels_named(text)


def test_the_modality_decides_what_is_not_given():
    assert TrainSettings.of("t1").normalisation == "iqr"
    assert TrainSettings.of("t1").lesions == 0
    assert TrainSettings.of("flair").lesions > 0
    assert TrainSettings.of("t2", normalisation="zscore").normalisation == "zscore"


def test_the_rate_warms_up_and_falls_with_steps_or_time_whichever_is_further():
    plan = TrainSettings.of("t1", steps=1000, warmup=100, rate=1.0, minutes=10)
    assert plan.rate_at(plan.share(0, 0), 0) == pytest.approx(0.01)
    assert plan.rate_at(plan.share(100, 0), 100) == pytest.approx(1.0)
    assert plan.rate_at(plan.share(999, 0), 999) < 0.02
    assert plan.rate_at(plan.share(300, 599), 300) < 0.02
    assert plan.share(300, 600) == 1


def test_only_steps_time_and_validation_may_change_on_the_way():
    plan = TrainSettings.of("t1")
    assert plan.conflict(plan.replace(steps=9, minutes=3, validate_every=5)) is None
    assert plan.conflict(plan.replace(seed=1)) == "seed"
