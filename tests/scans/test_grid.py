"""Does a scan of any axes, direction, voxel size and tilt reach the grid and come back in place?"""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec
from nibabel.eulerangles import euler2mat
from numpy.typing import NDArray

from napari_itermask import Grid, Model, RefineSettings, Scan, load_run, load_scan, refine
from napari_itermask.scans.files import save_volume
from napari_itermask.scans.grid import Placement, own_grid, place

Turn = NDArray[np.float64]

TURNS = {
    "".join(nib.orientations.ornt2axcodes(turn)): turn
    for axes, flips in product(permutations(range(3)), product((1, -1), repeat=3))
    for turn in [np.column_stack([axes, flips]).astype(float)]
}
"""All 48 ways in which the axes of a volume may lie, by their names (RAS, PIR, ...)."""

# No axis has the spacing of another, in the scan or on the grid: a swapped one shows.
UNEVEN = Grid(spacing=(6.0, 7.0, 8.0), shape=(32, 32, 16))
TILT = euler2mat(0.15, -0.2, 0.1)


@pytest.fixture(scope="module")
def uneven(phantom: Scan) -> Scan:
    """The phantom at half the resolution, voxels of 8 x 7 x 9 mm, away from the world's origin."""
    affine = from_matvec(np.diag([8.0, 7.0, 9.0]), (-60, -90, -40))
    return Scan(
        image=np.ascontiguousarray(phantom.image[::2, ::2, ::2]),
        brain=np.ascontiguousarray(phantom.brain[::2, ::2, ::2]),
        affine=affine,
    )


def turned(scan: Scan, turn: Turn) -> Scan:
    """The same scan with its axes stored in another order and direction, by nibabel."""
    image = nib.Nifti1Image(scan.image, scan.affine).as_reoriented(turn)
    brain = nib.orientations.apply_orientation(scan.brain, turn)
    return Scan(np.asarray(image.dataobj), brain, image.affine)


def ramps(scan: Scan) -> NDArray[np.float64]:
    """For each voxel its world coordinates in mm: ``(X, Y, Z, 3)``."""
    return apply_affine(scan.affine, np.moveaxis(np.indices(scan.image.shape), 0, -1))


def reached(scan: Scan, placement: Placement) -> tuple[NDArray[Any], NDArray[Any]]:
    """World coordinates that the scan's ramps show on the grid, and those its affine states."""
    world = ramps(scan).astype(np.float32)
    whole = np.ones_like(scan.brain)
    shown = [placement.to_grid(world[..., axis], whole) for axis in range(3)]
    stated = apply_affine(placement.affine, np.moveaxis(np.indices(placement.shape), 0, -1))
    # Away from the volume's faces, where averaging has neighbours on one side only.
    _, inner = placement.to_grid(scan.image, scan.brain)
    return np.stack([image for image, _ in shown], -1)[inner], stated[inner]


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS.keys())
def test_in_each_of_48_orientations_the_grid_shows_the_same_and_masks_return_to_their_voxels(
    turn: Turn, uneven: Scan
) -> None:
    scan = turned(uneven, turn)
    home, there = (place(s.brain, s.affine, UNEVEN) for s in (uneven, scan))
    for ours, theirs in zip(
        home.to_grid(uneven.image, uneven.brain),
        there.to_grid(scan.image, scan.brain),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    lesion = home.to_grid(uneven.image, uneven.brain)[0] > 600
    assert lesion.any()
    np.testing.assert_allclose(there.affine, home.affine, atol=1e-9)
    np.testing.assert_array_equal(
        there.mask_to_scan(lesion),
        nib.orientations.apply_orientation(home.mask_to_scan(lesion), turn),
    )
    np.testing.assert_array_equal(
        there.to_scan(lesion.astype(np.float32)),
        nib.orientations.apply_orientation(home.to_scan(lesion.astype(np.float32)), turn),
    )


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS.keys())
def test_a_marked_voxel_keeps_its_millimetres_on_the_grid(turn: Turn, uneven: Scan) -> None:
    scan = turned(uneven, turn)
    affine = from_matvec(TILT, (5, -3, 8)) @ scan.affine
    voxel = tuple(np.argwhere(scan.brain)[777])
    marker = np.zeros(scan.brain.shape, bool)
    marker[voxel] = True

    placement = place(scan.brain, affine, own_grid(affine))
    found = np.argwhere(placement.mask_to_grid(marker))
    assert len(found) == 1
    np.testing.assert_allclose(
        apply_affine(placement.affine, found[0]), apply_affine(affine, voxel), atol=1e-9
    )
    np.testing.assert_array_equal(placement.mask_to_scan(placement.mask_to_grid(marker)), marker)


@pytest.mark.parametrize("name", ["RAS", "LPS", "PIR", "SAL", "ILA"])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (6.0, 7.0, 8.0), (11.0, 13.0, 10.0)])
def test_a_tilted_scan_shows_on_a_grid_what_lies_at_the_grids_own_millimetres(
    name: str, spacing: tuple[float, float, float], uneven: Scan
) -> None:
    scan = turned(uneven, TURNS[name])
    scan = Scan(scan.image, scan.brain, from_matvec(TILT, (5, -3, 8)) @ scan.affine)
    placement = place(scan.brain, scan.affine, Grid(spacing=spacing, shape=(16, 16, 16)))
    shown, stated = reached(scan, placement)
    assert len(shown) > 500
    np.testing.assert_allclose(shown, stated, atol=0.02)  # mm, at a voxel size of 4 to 13 mm


def test_a_sheared_affine_is_followed_too(uneven: Scan) -> None:
    shear = np.eye(4)
    shear[0, 1] = 0.1
    scan = Scan(uneven.image, uneven.brain, shear @ uneven.affine)
    shown, stated = reached(scan, place(scan.brain, scan.affine, UNEVEN))
    np.testing.assert_allclose(shown, stated, atol=0.02)


@pytest.mark.parametrize("low", [(3, 4, 5), (4, 4, 4)])
@pytest.mark.parametrize("extent", [(10, 11, 12), (11, 10, 9), (13, 13, 13)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9375, 0.9375, 1.2), (1 / 3, 0.7, 2.1)])
def test_at_the_scans_own_spacing_nothing_is_interpolated(
    low: tuple[int, ...], extent: tuple[int, ...], spacing: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(20, 21, 22)).astype(np.float32)
    brain = np.zeros(image.shape, bool)
    brain[tuple(slice(a, a + n) for a, n in zip(low, extent, strict=True))] = True
    affine = from_matvec(TILT @ np.diag(np.float32(spacing).astype(float)), (1, 2, 3))

    placement = place(brain, affine, own_grid(affine))
    there, inside = placement.to_grid(image, brain)
    assert inside.sum() == brain.sum()
    np.testing.assert_array_equal(np.sort(there[inside]), np.sort(image[brain]))
    np.testing.assert_array_equal(placement.mask_to_scan(inside), brain)
    np.testing.assert_array_equal(
        placement.to_scan(there, inside, outside=-9), np.where(brain, image, -9)
    )


@pytest.mark.parametrize("grid", [UNEVEN, Grid(spacing=(8.0, 7.0, 9.0), shape=(32, 32, 16))])
def test_how_much_air_the_file_holds_does_not_matter(grid: Grid, uneven: Scan) -> None:
    more = [(3, 0), (2, 5), (0, 1)]
    affine = uneven.affine @ from_matvec(np.eye(3), [-before for before, _ in more])
    roomy = Scan(np.pad(uneven.image, more), np.pad(uneven.brain, more), affine)
    tight, wide = (place(s.brain, s.affine, grid) for s in (uneven, roomy))
    np.testing.assert_allclose(wide.affine, tight.affine, atol=1e-9)
    for ours, theirs in zip(
        tight.to_grid(uneven.image, uneven.brain),
        wide.to_grid(roomy.image, roomy.brain),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-3)


def test_the_grid_grows_by_sixteens_rather_than_cut_a_brain(phantom: Scan) -> None:
    small = Grid(spacing=(4.0, 4.0, 4.0), shape=(16, 48, 16))
    placement = place(phantom.brain, phantom.affine, small)
    assert placement.shape == (32, 48, 32)
    _, inside = placement.to_grid(phantom.image, phantom.brain)
    assert inside.sum() == phantom.brain.sum()


def test_a_brain_goes_to_a_coarser_grid_and_back_with_little_lost(phantom: Scan) -> None:
    placement = place(
        phantom.brain, phantom.affine, Grid(spacing=(6.0, 6.0, 6.0), shape=(32, 32, 32))
    )
    _, inside = placement.to_grid(phantom.image, phantom.brain)
    back = placement.mask_to_scan(inside)
    dice = 2 * (back & phantom.brain).sum() / (back.sum() + phantom.brain.sum())
    assert dice > 0.97


@pytest.mark.parametrize("background", [0, -1e6, 1e6])
def test_whatever_the_backgrounds_value_it_never_bleeds_into_the_brain(
    background: float, phantom: Scan
) -> None:
    flat = np.where(phantom.brain, 7, background).astype(np.float32)
    for spacing in (3.0, 6.0, 9.5):
        placement = place(
            phantom.brain, phantom.affine, Grid(spacing=(spacing,) * 3, shape=(16, 16, 16))
        )
        there, inside = placement.to_grid(flat, phantom.brain)
        np.testing.assert_allclose(there[inside], 7, rtol=1e-5)
        back = placement.to_scan(there, inside, outside=background)[phantom.brain]
        # The grid's steps leave a few voxels of the rim out; none is a mixture.
        assert np.mean(np.isclose(back, 7, rtol=1e-5)) > 0.995
        assert set(back[~np.isclose(back, 7, rtol=1e-5)]) <= {background}


@pytest.mark.parametrize("tilt", [np.eye(3), TILT], ids=["straight", "oblique"])
@pytest.mark.parametrize("name", ["RAS", "LAS", "PIR", "SLA"])
@pytest.mark.parametrize(("qform", "sform"), [(1, 1), (1, 0), (0, 1)])
def test_simpleitk_finds_a_saved_mask_where_nibabel_finds_the_scan(
    tilt: Turn, name: str, qform: int, sform: int, uneven: Scan, tmp_path: Path
) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="pip install SimpleITK, a second opinion")
    scan = turned(uneven, TURNS[name])
    image = nib.Nifti1Image(scan.image, from_matvec(tilt, (5, -3, 8)) @ scan.affine)
    image.set_qform(image.affine, qform)
    image.set_sform(image.affine, sform)
    nib.save(image, tmp_path / "s.nii.gz")
    loaded = load_scan(tmp_path / "s.nii.gz")
    voxel = tuple(int(i) for i in np.argwhere(loaded.brain)[333])
    mask = np.zeros(loaded.brain.shape, bool)
    mask[voxel] = True
    save_volume(tmp_path / "mask.nii.gz", mask, loaded)

    seen = sitk.ReadImage(str(tmp_path / "mask.nii.gz"))
    lps = np.diag([-1, -1, 1])  # ITK counts towards left and back where NIfTI counts right, front
    np.testing.assert_array_equal(sitk.GetArrayFromImage(seen).T, mask)
    np.testing.assert_allclose(seen.GetSpacing(), loaded.spacing, rtol=1e-5)
    np.testing.assert_allclose(seen.GetOrigin(), lps @ loaded.affine[:3, 3], atol=1e-3)
    np.testing.assert_allclose(
        np.reshape(seen.GetDirection(), (3, 3)),
        lps @ loaded.affine[:3, :3] / loaded.spacing,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        seen.TransformIndexToPhysicalPoint(voxel),
        lps @ apply_affine(loaded.affine, voxel),
        atol=1e-3,
    )


def test_a_whole_run_gives_the_same_mask_however_the_axes_lie(
    phantom: Scan, small_model: Model, tmp_path: Path
) -> None:
    settings = RefineSettings(threshold_rule="manual", manual_threshold=2, max_passes=2)
    home = refine(phantom, small_model, settings, device="cpu", search=False)
    assert 0 < home.mask.sum() < phantom.brain.sum()

    nib.save(
        nib.Nifti1Image(phantom.image, phantom.affine).as_reoriented(TURNS["PIR"]),
        tmp_path / "s.nii.gz",
    )
    there = refine(
        load_scan(tmp_path / "s.nii.gz"), small_model, settings, device="cpu", search=False
    )
    there.save(tmp_path / "out")
    saved: Any = nib.load(tmp_path / "out" / "mask.nii.gz")
    np.testing.assert_array_equal(nib.as_closest_canonical(saved).dataobj, home.mask)
    np.testing.assert_array_equal(load_run(tmp_path / "out").mask, there.mask)
