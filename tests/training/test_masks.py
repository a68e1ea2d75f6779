"""What is hidden while learning: fresh blobs inside the brain, and masks as testing shows them."""

import numpy as np
import pytest

from napari_itermask.training.masks import blob, hidden_region

SPACING = (2.0, 2.0, 2.0)


@pytest.fixture
def brain():
    x, y, z = np.ogrid[-1:1:48j, -1:1:48j, -1:1:48j]
    return x**2 + y**2 + z**2 < 0.8


def test_a_blob_lies_in_the_brain_and_none_is_like_another(brain):
    rng = np.random.default_rng(0)
    blobs = [blob(rng, brain, SPACING) for _ in range(20)]
    assert all(b.any() and not b[~brain].any() for b in blobs)
    assert len({b.tobytes() for b in blobs}) == 20
    sizes = [int(b.sum()) for b in blobs]
    assert max(sizes) > 4 * min(sizes)


def test_points_off_the_border_do_not_wrap_round():
    corner = np.zeros((40, 40, 40), bool)
    corner[:4, :4, :4] = True
    everywhere = np.ones_like(corner)
    rng = np.random.default_rng(1)
    for _ in range(10):
        rng_state = rng.bit_generator.state
        centre = blob(rng, corner, SPACING)
        assert centre.any()
        rng.bit_generator.state = rng_state
    assert not blob(np.random.default_rng(2), everywhere & corner, SPACING)[20:].any()


def test_a_share_of_the_masks_is_the_whole_brain(brain):
    rng = np.random.default_rng(3)
    masks = [hidden_region(rng, brain, SPACING) for _ in range(40)]
    whole = [np.array_equal(m, brain) for m in masks]
    assert 5 < sum(whole) < 30
    assert all(not m[~brain].any() and m.any() for m in masks)
