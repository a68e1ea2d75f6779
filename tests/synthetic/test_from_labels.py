"""A brain made from a label map alone: brain only, any contrast, any grid, the same from a draw."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_itermask import Grid
from napari_itermask.synthetic.from_labels import brain_from_labels, draw_from_labels

GRID = Grid(spacing=(2.0, 2.0, 2.0), shape=(48, 48, 48))
UNIT = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def whole_head() -> NDArray[np.int16]:
    """FreeSurfer numbers at 1 mm: ventricle, white, cortex, wide fluid, then bone and scalp."""
    x, y, z = np.meshgrid(*[np.arange(-45, 46)] * 3, indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    shells = [radius < 8, radius < 24, radius < 28, radius < 36, radius < 40, radius < 43]
    labels = np.select(shells, [4, 2, 3, 24, 515, 516], 0)
    labels[(labels == 3) & (np.abs(x) < 2)] = 24  # a narrow sulcus
    return labels.astype(np.int16)


def test_only_the_brain_is_left_with_the_fluid_of_its_sulci(whole_head: NDArray[np.int16]) -> None:
    image, brain = brain_from_labels(
        whole_head, UNIT, draw_from_labels(np.random.default_rng(0)), GRID
    )
    tissue = np.isin(whole_head, (2, 3, 4)).sum()
    assert 0.7 < np.count_nonzero(brain) * 8 / tissue < 1.4
    assert not image[~brain].any()
    assert np.isfinite(image).all()
    middle = [float(np.mean(places)) for places in np.nonzero(brain)]
    np.testing.assert_allclose(middle, 23.5, atol=1.0)


def test_a_modality_shows_its_contrast(whole_head: NDArray[np.int16]) -> None:
    for seed in range(3):
        for contrast, brighter in (("t2", True), ("t1", False), ("flair", False)):
            draw = draw_from_labels(np.random.default_rng(seed), contrast)
            image, brain = brain_from_labels(whole_head, UNIT, draw, GRID)
            middle = float(np.median(image[22:26, 22:26, 22:26]))
            assert (middle > np.median(image[brain])) == brighter


def test_contrasts_without_a_modality_come_in_both_senses(whole_head: NDArray[np.int16]) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_from_labels(rng).levels for _ in range(40)]
    darker = np.mean([d["csf"] < d["lobar white"] for d in drawn])
    assert 0.2 < darker < 0.8


def test_a_draw_gives_the_same_brain_bit_for_bit(whole_head: NDArray[np.int16]) -> None:
    draw = draw_from_labels(np.random.default_rng(4), "flair")
    first, second = (brain_from_labels(whole_head, UNIT, draw, GRID) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_the_brain_keeps_its_size_on_another_grid(whole_head: NDArray[np.int16]) -> None:
    draw = draw_from_labels(np.random.default_rng(4), "t1")
    other = Grid(spacing=(1.5, 2.0, 3.0), shape=(64, 48, 32))
    volumes = [
        np.count_nonzero(brain_from_labels(whole_head, UNIT, draw, grid)[1])
        * float(np.prod(grid.spacing))
        for grid in (GRID, other)
    ]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.06)


def test_a_map_without_a_brain_and_an_unknown_contrast_are_refused() -> None:
    draw = draw_from_labels(np.random.default_rng(0))
    with pytest.raises(ValueError, match="no region of the brain: its numbers must be those of"):
        brain_from_labels(np.full((20, 20, 20), 515), UNIT, draw, GRID)
    with pytest.raises(ValueError, match="named 'pd': choose one of any, flair, t1, t2"):
        draw_from_labels(np.random.default_rng(0), "pd")  # type: ignore[arg-type]


def test_a_real_map_gives_a_brain_of_human_size(data: Path) -> None:
    path = data / "labelmaps-1mm" / "training_seg_01.nii.gz"
    nifti = nib.as_closest_canonical(nib.load(path))
    labels = np.asarray(nifti.dataobj).astype(np.int16)
    grid = Grid(spacing=(4.0, 4.0, 4.0), shape=(48, 64, 48))
    draw = draw_from_labels(np.random.default_rng(0), "flair")
    _, brain = brain_from_labels(labels, UNIT, draw, grid)
    assert 1000 < np.count_nonzero(brain) * 0.064 < 1900
