"""A lesion is where its truth says, as bright or dark as drawn, and a draw gives it again."""

from __future__ import annotations

import numpy as np

from napari_itermask import Scan
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion

SPACING = (4.0, 4.0, 4.0)


def test_a_lesion_is_where_its_truth_says_and_as_bright_as_drawn(phantom: Scan) -> None:
    rng = np.random.default_rng(2)
    large = 0
    for _ in range(10):
        draw = draw_lesion(rng, phantom.brain, radius=(12.0, 30.0))
        out, truth = add_lesion(phantom.image, phantom.brain, draw, SPACING)
        assert not truth[~phantom.brain].any()
        change = (out - phantom.image) * np.sign(draw.change)
        assert not change[~phantom.brain].any()
        if truth.sum() > 50:
            large += 1
            assert change[truth].mean() > 0.3 * abs(draw.change) * np.median(
                phantom.image[phantom.brain]
            )
            assert change[truth].min() > change[~truth].mean()
    assert large > 3


def test_a_draw_gives_the_same_lesion_bit_for_bit(phantom: Scan) -> None:
    draw = draw_lesion(np.random.default_rng(3), phantom.brain, radius=(10.0, 20.0))
    first, second = (add_lesion(phantom.image, phantom.brain, draw, SPACING) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_few_lesions_are_darker_unless_that_is_asked_for(phantom: Scan) -> None:
    rng = np.random.default_rng(0)
    plain = [draw_lesion(rng, phantom.brain).change > 0 for _ in range(200)]
    asked = [draw_lesion(rng, phantom.brain, brighter=0.3).change > 0 for _ in range(200)]
    assert 0.88 < np.mean(plain) < 1.0
    assert 0.2 < np.mean(asked) < 0.4
