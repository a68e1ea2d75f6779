"""Slices lie where their mm say, the right way round, whatever the file's axes."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

from napari_itermask.figures.slices import GridMap, Slice, View, parse_slices
from napari_itermask.figures.style import FigureError
from napari_itermask.scans.grid import Grid, place


def scan_with(codes, spacing=(2.0, 3.0, 4.0)):
    """World coordinates of each voxel ``(3, X, Y, Z)``, and the affine, of a scan of ``codes``."""
    canonical = np.diag([*spacing, 1.0])
    canonical[:3, 3] = (-50, -70, -60)
    shape = (50, 48, 30)
    orientation = nib.orientations.axcodes2ornt(codes)
    back = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), orientation)
    affine = canonical @ nib.orientations.inv_ornt_aff(back, shape)
    stored = nib.orientations.apply_orientation(np.zeros(shape), back).shape
    world = apply_affine(affine, np.moveaxis(np.indices(stored), 0, -1))
    return np.moveaxis(world, -1, 0), affine


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "SAL", "AIL"])
@pytest.mark.parametrize("convention", ["neurological", "radiological"])
def test_a_slice_shows_its_mm_with_each_letter_at_its_edge(codes, convention):
    world, affine = scan_with(codes)
    view = View(affine, np.ones(world.shape[1:], bool), convention)
    for plane, axis, mm in (("axial", 2, 20.0), ("coronal", 1, -10.0), ("sagittal", 0, 10.0)):
        index = view.index(Slice(plane, mm), "scan")
        through, across, up = (
            view.cut(world[i], plane, index).pixels
            for i in (axis, *(a for a in range(3) if a != axis))
        )
        assert np.ptp(through) == 0
        assert abs(through[0, 0] - mm) <= view.spacing[axis] / 2
        assert view.mm(plane, index) == pytest.approx(through[0, 0])
        left, right, top, bottom = view.letters(plane)
        ends = {"R": 1, "L": -1, "A": 1, "P": -1, "S": 1, "I": -1}
        assert np.sign(across[0, -1] - across[0, 0]) == ends[right] == -ends[left]
        assert np.sign(up[-1, 0] - up[0, 0]) == ends[top] == -ends[bottom]  # row 0 lies below
    assert view.letters("axial")[0] == ("L" if convention == "neurological" else "R")
    assert view.letters("sagittal") == ("A", "P", "S", "I")


def test_an_oblique_scan_is_cut_along_its_own_axes_through_the_mm_at_its_middle():
    world, affine = scan_with("RAS")
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    view = View(turn @ affine, np.ones(world.shape[1:], bool))
    index = view.index(Slice("axial", 10.0), "scan")
    z = apply_affine(turn @ affine, [24.5, 23.5, index])[2]
    assert abs(z - 10) <= 2


def test_the_largest_lesion_is_cut_where_it_is_widest():
    world, affine = scan_with("LPS")
    lesion = np.linalg.norm(world - np.array([10, -20, 20])[:, None, None, None], axis=0) < 15
    lesion |= np.linalg.norm(world - np.array([-30, 20, -20])[:, None, None, None], axis=0) < 8
    view = View(affine, np.ones(lesion.shape, bool))
    found = [
        view.mm(p, view.index(Slice(p), "scan", lesion)) for p in ("sagittal", "coronal", "axial")
    ]
    assert np.allclose(found, (10, -20, 20), atol=2)


def test_slices_are_read_as_mricrogl_writes_them():
    assert parse_slices("A -20 50 S 10") == (
        (Slice("axial", -20), Slice("axial", 50), Slice("sagittal", 10)),
    )
    assert parse_slices("a 0 L- 5; c largest") == (
        (Slice("axial", 0), Slice("axial", 5, labelled=False)),
        (Slice("coronal", None, labelled=False),),
    )
    assert parse_slices("largest") == ((Slice("axial"),),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10 A", "10 stands before any plane"),
        ("A", "name none"),
        ("A R 0", "'R' is no place"),
        ("A 1e5", "'1e5' is no place"),
    ],
)
def test_other_words_are_refused_in_a_sentence(text, said):
    with pytest.raises(FigureError, match=said):
        parse_slices(text)


def test_a_slice_outside_the_scan_is_refused_with_where_it_reaches():
    world, affine = scan_with("RAS")
    view = View(affine, np.ones(world.shape[1:], bool))
    with pytest.raises(
        FigureError, match="flair has no axial slice at 300 mm: it reaches from −60"
    ):
        view.index(Slice("axial", 300), "flair")


@pytest.mark.parametrize("codes", ["RAS", "PSR"])
def test_a_slice_of_the_grid_is_that_of_the_whole_volume(codes):
    world, affine = scan_with(codes)
    brain = np.linalg.norm(world / np.array([40, 60, 50])[:, None, None, None], axis=0) < 1
    placement = place(brain, affine, Grid(spacing=(5.0, 5.0, 5.0), shape=(32, 32, 32)))
    rng = np.random.default_rng(0)
    volume = rng.normal(size=placement.shape).astype(np.float32)
    within = placement.mask_to_grid(brain)
    view = View(affine, brain)
    whole = placement.to_scan(volume, within, outside=np.nan)
    mask = placement.mask_to_scan(volume > 0)
    for plane, index in (("axial", 12), ("coronal", 20), ("sagittal", 25)):
        thin = view.cut(GridMap(volume, placement, within), plane, index).pixels
        np.testing.assert_allclose(thin, view.cut(whole, plane, index).pixels, atol=1e-5)
        thin = view.cut(GridMap(volume > 0, placement), plane, index).pixels
        np.testing.assert_array_equal(thin, view.cut(mask, plane, index).pixels)
