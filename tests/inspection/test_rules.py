"""A reason is decided by numbers alone, and its limits are where they are said to be."""

from pathlib import Path

import numpy as np
import pytest

from napari_itermask.inspection.reasons import (
    DROPPED,
    EDGE,
    HALF,
    ORDINARY,
    OTHER_SIDE,
    REASONS,
    RIM_MM,
    SHOWN,
    SINGLE,
)
from napari_itermask.inspection.rules import AlarmFacts, Held, MissFacts, why_alarmed, why_missed
from napari_itermask.method import ThresholdCurve

DOCS = Path(__file__).parents[2] / "docs" / "failure-cases.md"
LEFT_FIRST = MissFacts(1.0, shares=(1.0, 0.2, 0.1), numbers=(1, 2))
LEFT_LATER = MissFacts(1.0, shares=(1.0, 0.8, 0.1), numbers=(1, 2), shown=SHOWN)
PLAIN = AlarmFacts(1.0, mean_error=2.0, volume_ml=1.0, voxel_ml=0.008, passes=5)


def changed(facts, **changes):
    return type(facts)(**{**facts.__dict__, **changes})


@pytest.mark.parametrize(
    ("facts", "at", "beside", "name"),
    [
        (LEFT_FIRST, {"left_out": (("there", HALF),)}, {"left_out": (("there", 0.49),)},
         "not looked for"),
        (LEFT_FIRST, {"other_side": ("darker", OTHER_SIDE)}, {"other_side": ("darker", 0.24)},
         "not looked for"),
        (LEFT_FIRST, {"min_volume": 0.1, "above": DROPPED}, {"min_volume": 0.1, "above": 0.24},
         "removed by the minimum volume"),
        (LEFT_LATER, {}, {"shown": SHOWN - 0.01}, "unmasked by its neighbours"),
        (LEFT_FIRST, {"held": Held(ORDINARY, 0.5, 0.1)}, {"held": Held(ORDINARY - 1, 0.5, 0.1)},
         "under the chosen threshold"),
        (LEFT_FIRST, {"shares": None, "unknown": "why"}, {}, "not known"),
        (LEFT_FIRST, {"shares": (1.0, HALF)}, {"shares": (1.0, 0.49)}, "not known"),
    ],
)  # fmt: skip
def test_the_limits_of_a_miss(facts, at, beside, name):
    assert why_missed(changed(facts, **at)).name == name
    assert why_missed(changed(facts, **beside)).name == "repainted too well from the start"


@pytest.mark.parametrize(
    ("at", "beside", "name"),
    [
        ({"rim_mm": RIM_MM}, {"rim_mm": RIM_MM + 0.1}, "rim"),
        ({"fluid": HALF}, {"fluid": 0.49}, "ventricle or CSF"),
        ({"fluid_around": HALF}, {"fluid_around": 0.49}, "ventricle or CSF"),
        ({"volume_ml": SINGLE * 0.008}, {"volume_ml": (SINGLE + 1) * 0.008}, "single voxels"),
        ({"edge": EDGE}, {"edge": EDGE - 0.1}, "high-frequency edge"),
        ({"back_in": 3}, {"left_in": 3}, "came back"),
    ],
)
def test_the_limits_of_a_false_alarm(at, beside, name):
    assert why_alarmed(changed(PLAIN, **at)).name == name
    assert why_alarmed(changed(PLAIN, **beside)).name == "never repainted well"


def test_of_several_rules_the_first_in_the_list_decides():
    """Each fact alone gives a reason; together, the one that REASONS names first."""
    alarm = {"rim_mm": 1.0, "fluid": 1.0, "volume_ml": 0.008, "edge": 9.0, "back_in": 2}
    names = []
    for fact in list(alarm):
        names.append(why_alarmed(changed(PLAIN, **alarm)).name)
        del alarm[fact]
    names.append(why_alarmed(PLAIN).name)
    assert names == [name for name, reason in REASONS.items() if reason.kind == "false alarm"]


def test_words_never_lack_a_number():
    bare = AlarmFacts(0.0, mean_error=2.0, volume_ml=1.0, voxel_ml=0.008, unknown="no passes")
    assert why_alarmed(bare).because == (
        "its mean error is 2; not everything was looked at: no passes"
    )
    held = MissFacts(1.0, shares=(1.0, 0.2), numbers=(1,), held=Held(99.0, 0.5))
    assert why_missed(held).words == (
        "under the chosen threshold: a threshold of 0.5 would have kept it"
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_gamma_up_to_the_named_one_stops_where_the_search_still_held_the_piece(seed):
    rng = np.random.default_rng(seed)
    steps = rng.exponential(0.02, 100) * np.linspace(0.1, 6, 100) ** rng.uniform(0, 3)
    curve = ThresholdCurve(np.cumsum(steps).astype(np.float32))
    kept = int(rng.integers(1, 100))
    held = Held.of_curve(curve, 95, kept, 10.0, threshold=np.inf)
    assert held.threshold == pytest.approx(curve.thresholds[kept - 1])
    for part in (1, 0.7, 0.1, 0.01):
        assert curve.choose(held.gamma * part, 10.0).threshold <= held.threshold
    # Points at or above the run's own threshold, which did not keep it, are left out.
    own = float(curve.thresholds[kept // 2])
    lower = Held.of_curve(curve, 95, kept, 10.0, threshold=own)
    assert lower.threshold is None or lower.threshold < own


def test_the_documentation_has_every_rule_as_it_is():
    text = DOCS.read_text(encoding="utf-8")
    for reason in REASONS.values():
        row = f"| {reason.name} | {reason.sentence} | {reason.rule} | {reason.setting} |"
        assert row in text, row
