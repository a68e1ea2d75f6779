"""An aged brain has wider ventricles and sulci inside the same outline, and is nowhere folded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.synthetic.ageing import AgeingDraw, ageing_displacement, draw_ageing
from napari_itermask.synthetic.regions import groups_of
from napari_itermask.synthetic.shape import ShapeDraw, reshape

Head = tuple[NDArray[np.float32], NDArray[np.uint8]]
UPRIGHT = ShapeDraw(matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), flip=False)
STRONG = AgeingDraw(ventricles=2.0, ventricle_reach=4.2, sulci=0.7, sulcus_reach=1.8)


def volumes(labels: NDArray[np.uint8], draw: AgeingDraw) -> dict[str, float]:
    """Voxels of the ventricles, the outer CSF and the brain after ageing."""
    moved = ageing_displacement(labels, groups_of(labels), draw)
    brain = labels > 0
    found = {}
    for name, numbers in (("ventricles", (51, 52)), ("csf", (1,))):
        share = np.isin(labels, numbers).astype(np.float32)
        out, mask = reshape(share, brain, UPRIGHT, labels.shape, moved)
        found[name] = float(out.sum())
    return {**found, "brain": float(np.count_nonzero(mask))}


def test_ventricles_and_sulci_widen_within_the_same_brain(head: Head) -> None:
    _, labels = head
    none = AgeingDraw(ventricles=0, ventricle_reach=4, sulci=0, sulcus_reach=1.5)
    before, after = volumes(labels, none), volumes(labels, STRONG)
    assert before["ventricles"] == pytest.approx(np.isin(labels, (51, 52)).sum(), rel=1e-3)
    assert 1.5 < after["ventricles"] / before["ventricles"] < 6
    assert 1.05 < after["csf"] / before["csf"] < 2
    assert after["brain"] == pytest.approx(before["brain"], rel=0.02)


def test_the_more_is_drawn_the_wider_they_get(head: Head) -> None:
    _, labels = head
    widths = [volumes(labels, replace(STRONG, ventricles=v))["ventricles"] for v in (0.3, 1.0, 2.0)]
    assert widths[0] < widths[1] < widths[2]


def test_no_draw_folds_the_tissue_over(head: Head) -> None:
    _, labels = head
    inside = ndimage.binary_erosion(labels > 0, iterations=3)
    for seed in range(8):
        draw = draw_ageing(np.random.default_rng(seed))
        moved = ageing_displacement(labels, groups_of(labels), draw)
        slopes = np.array([np.gradient(moved[axis]) for axis in range(3)])
        jacobian = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))
        assert jacobian[inside].min() > 0
