"""A grown lesion has the volume asked for, keeps to tissue, and a draw gives it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_itermask import Scan
from napari_itermask.synthetic.grown_lesion import add_grown_lesion, draw_grown

SPACING = (4.0, 4.0, 4.0)
VOXEL_ML = 0.064


@pytest.mark.parametrize("ml", [0.5, 2.0, 10.0, 60.0, 240.0])
def test_the_volume_is_the_one_asked_for(phantom: Scan, ml: float) -> None:
    for seed in range(3):
        draw = draw_grown(np.random.default_rng(seed), phantom.brain, ml)
        image, mask = add_grown_lesion(phantom.image, phantom.brain, draw, SPACING)
        assert np.count_nonzero(mask) * VOXEL_ML == pytest.approx(ml, rel=0.1)
        assert not mask[~phantom.brain].any()
        np.testing.assert_array_equal(image[~phantom.brain], phantom.image[~phantom.brain])


def test_it_is_brighter_or_darker_inside_and_hardly_changed_far_away(phantom: Scan) -> None:
    middle = float(np.median(phantom.image[phantom.brain]))
    for seed, sign in ((0, 1), (1, 1), (2, -1), (3, -1)):
        drawn = draw_grown(np.random.default_rng(seed), phantom.brain, 15, brighter=float(sign > 0))
        drawn = replace(drawn, core=0.0, push=0.0)
        image, mask = add_grown_lesion(phantom.image, phantom.brain, drawn, SPACING)
        change = sign * (image - phantom.image)
        assert change[mask].mean() > 0.1 * middle
        far = ~ndimage.binary_dilation(mask, iterations=4)
        assert np.abs(change[far]).max() < 0.02 * middle


def test_the_front_goes_round_the_ventricle(phantom: Scan) -> None:
    ventricle = phantom.brain & (phantom.image < 260)
    beside = ndimage.binary_dilation(ventricle, iterations=3) & ~ventricle & phantom.brain
    drawn = draw_grown(np.random.default_rng(0), phantom.brain, 60, where=beside)
    drawn = replace(drawn, seeds=drawn.seeds[:1], obedience=4.0, resistance=0.4)
    _, mask = add_grown_lesion(phantom.image, phantom.brain, drawn, SPACING)
    near = ndimage.binary_dilation(ventricle, iterations=2) & ~ventricle & phantom.brain
    assert mask[ventricle].mean() < 0.3 * mask[near].mean()


def test_a_single_seed_gives_one_piece_and_several_seeds_several(phantom: Scan) -> None:
    one = draw_grown(np.random.default_rng(1), phantom.brain, 5, most_seeds=2)
    one = replace(one, seeds=((20, 30, 30),))
    apart = replace(one, seeds=((20, 30, 30), (12, 20, 20), (29, 24, 14)))
    for drawn, pieces in ((one, 1), (apart, 3)):
        _, mask = add_grown_lesion(phantom.image, phantom.brain, drawn, SPACING)
        assert ndimage.label(mask, np.ones((3, 3, 3)))[1] == pieces


def test_a_growing_mass_pushes_the_tissue_around_it(phantom: Scan) -> None:
    drawn = draw_grown(np.random.default_rng(0), phantom.brain, 30)
    drawn = replace(drawn, seeds=((26, 22, 22),), texture=0.0, softness=0.5, push=0.0)
    still, mask = add_grown_lesion(phantom.image, phantom.brain, drawn, SPACING)
    pushed, same = add_grown_lesion(phantom.image, phantom.brain, replace(drawn, push=6), SPACING)
    np.testing.assert_array_equal(mask, same)
    ring = ndimage.binary_dilation(mask, iterations=4) & ~ndimage.binary_dilation(mask)
    assert np.abs(pushed - still)[ring & phantom.brain].mean() > 5
    assert not pushed[~phantom.brain].any()


def test_a_draw_gives_the_same_lesion_bit_for_bit(phantom: Scan) -> None:
    draw = draw_grown(np.random.default_rng(7), phantom.brain, 20)
    first, second = (
        add_grown_lesion(phantom.image, phantom.brain, draw, SPACING) for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("ml", [0.001, 5000.0])
def test_a_volume_that_cannot_be_is_refused(phantom: Scan, ml: float) -> None:
    draw = draw_grown(np.random.default_rng(0), phantom.brain, ml)
    with pytest.raises(ValueError, match="does not fit: it must be between one voxel and"):
        add_grown_lesion(phantom.image, phantom.brain, draw, SPACING)
