"""A healthy brain has its modality's contrast, keeps its anatomy, and a draw gives it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_itermask.synthetic.acquire import AcquireDraw
from napari_itermask.synthetic.healthy import HealthyDraw, Modality, draw_healthy, healthy_brain
from napari_itermask.synthetic.regions import coil_field, groups_of, tissue_coordinate
from napari_itermask.synthetic.shape import ShapeDraw
from napari_itermask.synthetic.white_matter import draw_white_matter, vary_white_matter

Head = tuple[NDArray[np.float32], NDArray[np.uint8]]
MODALITIES = get_args(Modality)
PLAIN = AcquireDraw(blur=0, blur_axis=0, sharpness=0, bias=(0.0,) * 12, noise=0, noise_seed=0)
UPRIGHT = ShapeDraw(matrix=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), flip=False)


def still(seed: int, modality: Modality, **changes: object) -> HealthyDraw:
    """A draw of contrast alone: no pose, no ageing, a perfect scanner."""
    drawn = draw_healthy(np.random.default_rng(seed), modality)
    drawn = replace(drawn, ageing=None, white_matter=None, coil=0.0, shape=UPRIGHT, acquire=PLAIN)
    return replace(drawn, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("modality", MODALITIES)
def test_each_modality_orders_the_tissues_its_own_way(head: Head, modality: Modality) -> None:
    t1, labels = head
    for seed in range(6):
        image, _ = healthy_brain(t1, labels, still(seed, modality), labels.shape)
        csf, grey, white = (float(np.median(image[labels == n])) for n in (51, 142, 81))
        assert white == pytest.approx(1, abs=0.05)
        if modality == "t1":
            assert csf < grey - 0.1 < white - 0.2
        elif modality == "t2":
            assert csf > 1.2 * grey > 1.2 * white
        else:
            assert csf < 0.7 * min(grey, white)
            assert 0.85 < grey < 1.5


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_draw_gives_the_same_brain_bit_for_bit_and_another_draw_another(
    head: Head, modality: Modality
) -> None:
    first, again, other = (
        healthy_brain(*head, draw_healthy(np.random.default_rng(seed), modality), (48, 56, 48))
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[0] - other[0]).max() > 0.1


@pytest.mark.parametrize("modality", MODALITIES)
def test_image_and_brain_fit_each_other(head: Head, modality: Modality) -> None:
    volume = np.count_nonzero(head[1])
    for seed in range(5):
        drawn = draw_healthy(np.random.default_rng(seed), modality)
        image, brain = healthy_brain(*head, drawn, (48, 56, 48))
        assert image.shape == (48, 56, 48)
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert not image[~brain].any()
        assert 0.6 < np.count_nonzero(brain) / volume < 1.5
        middle = [float(np.mean(places)) for places in np.nonzero(brain)]
        np.testing.assert_allclose(middle, (23.5, 27.5, 23.5), atol=1.0)


def test_the_scanners_coil_is_not_taken_for_tissue(head: Head) -> None:
    t1, labels = head
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in t1.shape), indexing="ij")
    coil = np.exp(0.3 * y - 0.4 * x**2).astype(np.float32)
    dimmed = t1 * coil

    white = labels == 81
    found = coil_field(dimmed, labels)[white]
    assert np.corrcoef(found, coil[white])[0, 1] > 0.99

    plain, kept = still(1, "flair"), still(1, "t1", coil=1.0)
    before, after = (healthy_brain(t, labels, plain, labels.shape)[0] for t in (t1, dimmed))
    assert np.abs(after - before)[white].mean() < 0.03
    image, _ = healthy_brain(dimmed, labels, kept, labels.shape)
    assert np.corrcoef(image[white], coil[white])[0, 1] > 0.9


def test_tissue_is_told_by_the_brains_own_medians(head: Head) -> None:
    t1, labels = head
    u = tissue_coordinate(t1, labels)
    for label, place in ((142, 1), (81, 2), (59, 1.67)):
        assert np.median(u[labels == label]) == pytest.approx(place, abs=0.05)
    assert np.median(u[np.isin(labels, (51, 52))]) == pytest.approx(0, abs=0.05)


def test_only_white_matter_varies_and_most_at_the_ventricles(head: Head) -> None:
    _, labels = head
    drawn = replace(draw_white_matter(np.random.default_rng(0)), front=0.3, back=0.3, rim=0.3)
    image = np.ones(labels.shape, np.float32)
    change = vary_white_matter(image, labels, groups_of(labels), drawn) - image
    assert not change[labels != 81].any()
    assert change.min() >= 0
    beside = (labels == 81) & (np.roll(labels, 1, axis=0) == 51)
    rest = (labels == 81) & ~beside
    assert change[beside].mean() > 3 * change[rest].mean() > 0


def test_an_unknown_modality_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="of 'pd': choose one of flair, t1, t2"):
        draw_healthy(np.random.default_rng(0), "pd")  # type: ignore[arg-type]


def test_a_real_brain_keeps_its_own_ventricles_in_any_contrast(data: Path) -> None:
    path = sorted((data / "healthy-t1-2mm" / "test").glob("*_t1.nii.gz"))[0]
    t1 = np.asarray(nib.load(path).dataobj, np.float32)
    labels = np.asarray(nib.load(str(path).replace("_t1", "_labels")).dataobj, np.uint8)
    ventricles, white = np.isin(labels, (51, 52)), labels == 81
    for modality, brighter in (("t1", False), ("t2", True), ("flair", False)):
        drawn = still(3, modality)
        image, brain = healthy_brain(t1, labels, drawn, t1.shape)
        shift = np.rint(
            np.mean(np.nonzero(brain), axis=1) - np.mean(np.nonzero(labels), axis=1)
        ).astype(int)
        back = np.roll(image, tuple(-shift), axis=(0, 1, 2))
        assert (np.median(back[ventricles]) > np.median(back[white])) == brighter
