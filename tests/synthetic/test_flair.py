"""A translated brain looks like FLAIR, keeps its anatomy, and a draw gives the same brain again."""

import numpy as np
import pytest

from napari_itermask.synthetic.flair import draw_flair, flair_from_t1, tissue_coordinate
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion

SHAPE = (48, 48, 48)


@pytest.fixture
def head():
    """A T1 phantom with DLMUSE numbers: ventricle 51, white matter 81, cortex 142, CSF 1."""
    grid = np.stack(np.meshgrid(*[np.arange(-20, 21)] * 3, indexing="ij"))
    radius = np.sqrt((grid**2).sum(0))
    labels = np.select([radius < 5, radius < 13, radius < 17, radius < 19], [51, 81, 142, 1], 0)
    t1 = np.select([radius < 5, radius < 13, radius < 17, radius < 19], [40.0, 180, 110, 50], 0)
    return t1.astype(np.float32), labels.astype(np.uint8)


def test_tissue_is_told_by_the_brains_own_medians(head):
    t1, labels = head
    u = tissue_coordinate(t1, labels)
    assert u[labels == 51].mean() == pytest.approx(0)
    assert u[labels == 142].mean() == pytest.approx(1)
    assert u[labels == 81].mean() == pytest.approx(2)


def test_csf_is_dark_and_grey_is_as_bright_as_white_or_brighter(head):
    ratios = []
    for seed in range(8):
        image, brain = flair_from_t1(*head, draw_flair(np.random.default_rng(seed)), SHAPE)
        assert not image[~brain].any()
        middle = image[20:28, 20:28, 20:28]
        assert np.median(middle[2:6, 2:6, 2:6]) < 0.75 * np.median(image[brain])
        ratios.append(np.median(image[brain]))
    assert np.std(ratios) > 0.005  # every draw has a contrast of its own


def test_a_draw_gives_the_same_brain_bit_for_bit(head):
    draw = draw_flair(np.random.default_rng(5))
    first, second = (flair_from_t1(*head, draw, SHAPE)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_lesion_is_where_its_truth_says_and_as_bright_as_drawn(head):
    image, brain = flair_from_t1(*head, draw_flair(np.random.default_rng(1)), SHAPE)
    rng = np.random.default_rng(2)
    for _ in range(10):
        draw = draw_lesion(rng, brain, radius=(4.0, 10.0))
        out, truth = add_lesion(image, brain, draw, (1.0, 1.0, 1.0))
        assert not truth[~brain].any()
        change = (out - image) * np.sign(draw.change)
        assert change[~brain].max() <= 0
        if truth.sum() > 50:
            assert change[truth].mean() > 0.3 * abs(draw.change) * np.median(image[brain])
            assert change[truth].min() > change[~truth].mean()
