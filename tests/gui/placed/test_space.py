"""A volume lies in the viewer where it lies in the patient, and comes back as it was."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine, voxel_sizes
from scipy.spatial.transform import Rotation

from napari_itermask.gui.placed.space import (
    AXES,
    NoSpacing,
    SpaceError,
    from_layer,
    metadata,
    mm_of,
    placing,
    stacked,
    to_layer,
    view_of,
    volume_of,
    voxel_of,
)
from napari_itermask.scans.grid import Grid, place

layers = pytest.importorskip("napari.layers")

SHAPE = (7, 8, 9)
VOLUME = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
FRONT_LEFT_TOP = (-4.0, 20.0, 30.0)  # mm, RAS


def affine_with(order, signs, degrees=0.0, sizes=(0.9, 1.1, 3.0), origin=(-31.0, 44.0, 12.5)):
    """Voxel axis ``i`` runs along world axis ``order[i]``, tilted by ``degrees``."""
    linear = np.zeros((3, 3))
    for column, (row, sign, size) in enumerate(zip(order, signs, sizes, strict=True)):
        linear[row, column] = sign * size
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([1, 2, 2]) / 3).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ linear
    affine[:3, 3] = origin
    return affine


EVERY_WAY = [
    affine_with(order, signs, degrees)
    for order, signs, degrees in product(
        permutations(range(3)), product((1, -1), repeat=3), (0, 17)
    )
]
OBLIQUE = affine_with((2, 0, 1), (-1, 1, -1), degrees=17)
STRAIGHT = affine_with((0, 1, 2), (-1, 1, 1))  # LAS


def image(volume=VOLUME, affine=OBLIQUE, kind=layers.Image, **more):
    keywords = {"name": "flair", "metadata": metadata(affine, volume.shape)} | more
    return kind(to_layer(volume, affine), **placing(affine, volume.shape), **keywords)


@pytest.mark.parametrize("affine", EVERY_WAY)
def test_every_order_flip_and_tilt_comes_back_bit_for_bit(affine):
    data = to_layer(VOLUME, affine)
    assert data.flags.c_contiguous
    np.testing.assert_array_equal(from_layer(data, affine, SHAPE), VOLUME)
    back = volume_of(image(affine=affine))
    np.testing.assert_array_equal(back.voxels, VOLUME)
    np.testing.assert_array_equal(back.affine, affine)


@pytest.mark.parametrize("affine", EVERY_WAY)
def test_the_viewer_shows_what_nibabel_calls_canonical_straight_and_front_up(affine):
    canonical = nib.as_closest_canonical(nib.Nifti1Image(VOLUME, affine))
    layer = image(affine=affine)
    np.testing.assert_array_equal(layer.data, canonical.get_fdata().transpose(2, 1, 0))
    right, front, up = voxel_sizes(canonical.affine)
    np.testing.assert_allclose(layer.scale, (up, -front, right), atol=1e-9)
    x, y, z = canonical.affine[:3, 3]
    np.testing.assert_allclose(layer.translate, (z, -y, x), atol=1e-9)
    assert layer.axis_labels == AXES
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3


@pytest.mark.parametrize("affine", EVERY_WAY)
def test_a_point_on_the_screen_is_named_by_the_voxel_and_the_mm_of_the_file(affine):
    layer = image(affine=affine)
    for voxel in [(0, 0, 0), (6, 0, 3), (1, 7, 8)]:
        data = np.unravel_index(int(np.argmax(layer.data == VOLUME[voxel])), layer.data.shape)
        world = layer.data_to_world(data)
        assert voxel_of(layer, world) == voxel
        np.testing.assert_allclose(mm_of(layer, world), apply_affine(affine, voxel), atol=1e-6)
        assert voxel_of(layer, (5.0, *world)) == voxel  # where another layer is a stack


def test_world_axes_are_up_back_and_right_where_a_scan_is_not_oblique():
    x, y, z = FRONT_LEFT_TOP
    np.testing.assert_allclose(mm_of(image(affine=STRAIGHT), (z, -y, x)), FRONT_LEFT_TOP)


def test_the_model_grid_lies_on_an_oblique_scan_voxel_upon_voxel():
    brain = np.zeros((20, 24, 18), bool)
    brain[4:15, 5:20, 3:12] = True
    affine = affine_with((1, 0, 2), (-1, 1, 1), degrees=25, sizes=(1.0, 1.0, 1.0))
    placement = place(brain, affine, Grid(spacing=(1.0, 1.0, 1.0), shape=(16, 16, 16)))
    on_grid = placement.mask_to_grid(brain)
    view = view_of(affine, brain.shape)
    grid = layers.Labels(
        to_layer(on_grid, placement.affine).astype(np.uint8),
        **placing(placement.affine, on_grid.shape, view),
        metadata=metadata(placement.affine, on_grid.shape, view=view),
    )
    scan = layers.Labels(to_layer(brain, affine).astype(np.uint8), **placing(affine, brain.shape))
    np.testing.assert_allclose(grid.scale, scan.scale)
    for index in np.argwhere(grid.data)[::97]:
        world = grid.data_to_world(index)
        at = np.asarray(scan.world_to_data(world))
        np.testing.assert_allclose(at, np.rint(at), atol=1e-6)
        assert scan.data[tuple(np.rint(at).astype(int))] == 1
        true = apply_affine(placement.affine, index[::-1])
        np.testing.assert_allclose(mm_of(grid, world), true, atol=1e-6)
    np.testing.assert_array_equal(volume_of(grid).affine, placement.affine)


def test_a_crop_or_a_shift_of_our_layer_keeps_its_place_in_the_tilted_patient():
    layer = image()
    cropped = layers.Image(
        layer.data[2:, :, 3:],
        scale=layer.scale,
        translate=layer.data_to_world((2, 0, 3)),
        units=layer.units,
        metadata=layer.metadata,
    )
    volume = volume_of(cropped)
    assert volume.path is None
    for voxel in [(0, 0, 0), (3, 2, 1)]:
        value = volume.voxels[voxel]
        true = apply_affine(OBLIQUE, np.argwhere(value == VOLUME)[0])
        np.testing.assert_allclose(apply_affine(volume.affine, voxel), true, atol=1e-6)
    layer.translate = np.add(layer.translate, (0, 0, 2))
    moved = volume_of(layer).affine
    shift = apply_affine(moved, (0, 0, 0)) - apply_affine(OBLIQUE, (0, 0, 0))
    assert np.linalg.norm(shift) == pytest.approx(2.0)


def test_a_volume_split_off_a_stack_is_a_volume_of_the_scan():
    from napari.layers.utils.stack_utils import stack_to_images

    stack = layers.Image(
        np.stack([to_layer(VOLUME, OBLIQUE), to_layer(VOLUME + 1, OBLIQUE)]),
        name="perfusion",
        **stacked(placing(OBLIQUE, SHAPE), "volume"),
        metadata=metadata(OBLIQUE, SHAPE),
    )
    assert stack.axis_labels == ("volume", *AXES)
    with pytest.raises(SpaceError, match=r"'perfusion' has 4 axes \(2 x .* Split Stack"):
        volume_of(stack)
    second = volume_of(stack_to_images(stack, axis=0)[1])
    np.testing.assert_array_equal(second.voxels, VOLUME + 1)
    np.testing.assert_array_equal(second.affine, OBLIQUE)


def test_labels_keep_their_whole_numbers():
    lesion = (VOLUME > 100).astype(np.uint8) * 7
    back = volume_of(image(lesion, kind=layers.Labels))
    assert back.voxels.dtype == np.uint8
    np.testing.assert_array_equal(back.voxels, lesion)


def as_napari_nifti(affine, header=None):
    """A layer as napari-nifti 0.0.20 makes it: radiological, in pixels, true affine aside."""
    canonical = nib.as_closest_canonical(nib.Nifti1Image(VOLUME, affine))
    data = np.asarray(canonical.dataobj).transpose(2, 1, 0)
    sizes = voxel_sizes(canonical.affine)[::-1]
    far = canonical.affine[:3, 3][::-1] + (np.array(data.shape) - 1) * sizes
    more = {"affine": canonical.affine, "header": header, "coordinate_system": "RAS+"}
    return layers.Image(data, name="theirs", scale=-sizes, translate=far, metadata=more)


@pytest.mark.parametrize("affine", EVERY_WAY[::7])
def test_a_layer_of_napari_nifti_is_the_file_itself_and_others_lie_on_it(affine):
    header = nib.Nifti1Image(VOLUME, affine).header
    layer = as_napari_nifti(affine, header)
    volume = volume_of(layer)
    np.testing.assert_array_equal(volume.voxels, VOLUME)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-4)  # float32 in the header
    assert volume.notes == ()
    again = layers.Image(to_layer(VOLUME, affine), **placing(volume.affine, SHAPE, volume.view))
    assert [str(unit) for unit in again.units] == ["pixel"] * 3
    for index in [(0, 0, 0), (3, 5, 2)]:
        where = layer.world_to_data(again.data_to_world(index))
        np.testing.assert_allclose(where, index, atol=1e-3)


def test_napari_nifti_flips_some_files_wrongly_and_says_so_in_its_affine():
    # Version 0.0.20 hands a file of the axes R, S, P over as R, P, I instead of R, A, S.
    affine = affine_with((0, 2, 1), (1, 1, -1), degrees=17)
    file = nib.Nifti1Image(VOLUME, affine)
    theirs = file.as_reoriented(
        nib.orientations.ornt_transform(
            nib.io_orientation(affine), nib.orientations.axcodes2ornt("RPI")
        )
    )
    sizes = voxel_sizes(theirs.affine)[::-1]
    layer = layers.Image(
        np.asarray(theirs.dataobj).transpose(2, 1, 0),
        scale=-sizes,
        metadata={"affine": theirs.affine, "header": file.header, "coordinate_system": "RPI+"},
    )
    np.testing.assert_array_equal(volume_of(layer).voxels, VOLUME)
    np.testing.assert_allclose(volume_of(layer).affine, affine, atol=1e-4)


def test_without_a_header_a_layer_of_napari_nifti_still_lies_right():
    volume = volume_of(as_napari_nifti(OBLIQUE))
    canonical = nib.as_closest_canonical(nib.Nifti1Image(VOLUME, OBLIQUE))
    np.testing.assert_array_equal(volume.voxels, canonical.get_fdata())
    np.testing.assert_allclose(volume.affine, canonical.affine)


def test_napari_nifti_saves_our_layer_where_it_lies():
    # What its writer does: transposed, under metadata["affine"], in metadata["coordinate_system"].
    layer = image()
    theirs = nib.Nifti1Image(np.transpose(layer.data, (2, 1, 0)), layer.metadata["affine"])
    ours = nib.as_closest_canonical(nib.Nifti1Image(VOLUME, OBLIQUE))
    np.testing.assert_array_equal(theirs.get_fdata(), ours.get_fdata())
    np.testing.assert_allclose(theirs.affine, ours.affine)
    assert layer.metadata["coordinate_system"] == "RAS+"


def test_a_layer_that_napari_nifti_read_and_someone_cropped_is_refused():
    layer = as_napari_nifti(OBLIQUE, nib.Nifti1Image(VOLUME, OBLIQUE).header)
    cropped = layers.Image(
        layer.data[2:], name="cropped", scale=layer.scale, metadata=layer.metadata
    )
    with pytest.raises(SpaceError, match="'cropped' has other voxels than the file"):
        volume_of(cropped)


@pytest.mark.parametrize("affine", EVERY_WAY[::7])
def test_layers_of_itk_readers_lie_where_simpleitk_says(affine, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    nib.save(nib.Nifti1Image(VOLUME, affine), tmp_path / "scan.nii")
    scan = sitk.ReadImage(str(tmp_path / "scan.nii"))
    layer = layers.Image(
        sitk.GetArrayFromImage(scan),
        name="itk",
        scale=scan.GetSpacing()[::-1],
        translate=scan.GetOrigin()[::-1],
        metadata={
            "spacing": np.array(scan.GetSpacing()[::-1]),
            "origin": np.array(scan.GetOrigin()[::-1]),
            "direction": np.array(scan.GetDirection()[::-1]).reshape(3, 3),
        },
    )
    volume = volume_of(layer)
    np.testing.assert_array_equal(volume.voxels, VOLUME)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-3)


def test_a_layer_with_a_scale_alone_is_taken_as_it_is_displayed_and_that_is_said():
    layer = layers.Image(
        VOLUME, name="tif", scale=(3000, 900, 800), translate=(1000, 2000, 3000), units=("um",) * 3
    )
    volume = volume_of(layer)
    assert nib.aff2axcodes(volume.affine) == ("R", "P", "S")
    np.testing.assert_array_equal(volume.voxels, VOLUME.transpose(2, 1, 0))
    np.testing.assert_allclose(voxel_sizes(volume.affine), (0.8, 0.9, 3.0))
    np.testing.assert_allclose(volume.affine[:3, 3], (3, -2, 1))
    assert "sides are taken as they are displayed" in volume.notes[0]
    assert len(volume.notes) == 1
    layer.units = ("pixel",) * 3
    assert "taken as mm" in volume_of(layer).notes[1]
    # Whatever lies on it lies in its units, over it.
    onto = placing(volume.affine, volume.voxels.shape, volume.view)
    np.testing.assert_allclose(onto["scale"], (3000, -900, 800))
    assert onto["units"] == ("micrometer",) * 3


def test_a_rotated_layer_keeps_its_rotation():
    turn = Rotation.from_euler("x", 20, degrees=True).as_matrix()
    layer = layers.Image(VOLUME, scale=(2, 1, 1), rotate=turn, units=("mm",) * 3)
    volume = volume_of(layer)
    world = layer.data_to_world((1, 2, 3))
    right = apply_affine(volume.affine, (3, 2, 1))
    np.testing.assert_allclose(right, (world[2], -world[1], world[0]), atol=1e-9)
    np.testing.assert_allclose(mm_of(layer, world), right, atol=1e-9)
    on_it = placing(volume.affine, volume.voxels.shape, volume.view)
    over = layers.Image(to_layer(volume.voxels, volume.affine), **on_it)
    value = over.data[4, 3, 2]
    data = np.argwhere(value == VOLUME)[0]
    np.testing.assert_allclose(over.data_to_world((4, 3, 2)), layer.data_to_world(data), atol=1e-9)
    assert len(stacked(on_it, "pass")["affine"]) == 5


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's, about any such layer
def test_a_sheared_layer_with_an_affine_is_read_as_napari_composes_it():
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    affine[:3, 3] = (1, 2, 3)
    layer = layers.Image(
        VOLUME, scale=(2, 1, 3), shear=(0.1, 0.2, 0.3), affine=affine, units=("mm",) * 3
    )
    world = layer.data_to_world((3, 1, 2))
    np.testing.assert_allclose(mm_of(layer, world), (world[2], -world[1], world[0]), atol=1e-9)
    assert voxel_of(layer, world) == (2, 1, 3)


def test_a_layer_without_a_spacing_is_asked_about_never_assumed():
    layer = layers.Image(VOLUME, name="array")
    with pytest.raises(NoSpacing, match="'array' does not say how large its voxels are: give"):
        volume_of(layer)
    volume = volume_of(layer, spacing=(3.0, 0.9, 0.8))
    np.testing.assert_allclose(voxel_sizes(volume.affine), (0.8, 0.9, 3.0))
    assert mm_of(layer, (1, 1, 1), spacing=(3.0, 0.9, 0.8)) == pytest.approx((0.8, -0.9, 3.0))
    assert voxel_of(layer, (1, 2, 3), spacing=(3.0, 0.9, 0.8)) == (3, 2, 1)
    np.testing.assert_array_equal(  # a layer that has one keeps it
        volume_of(image(), spacing=(9, 9, 9)).affine, OBLIQUE
    )
    with pytest.raises(SpaceError, match=r"'array'.*three lengths in mm"):
        volume_of(layer, spacing=(1.0, 0.0, 1.0))
    layer.units = ("second", "mm", "mm")
    with pytest.raises(NoSpacing, match="'array'"):
        volume_of(layer)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            layers.Image(np.ones((8, 8)), name="slice"),
            r"'slice' is no volume \(its shape is 8 x 8\)",
        ),
        (layers.Image(np.ones((1, 8, 8)), name="thin"), "'thin' is no volume .* choose a 3-D scan"),
        (layers.Image(np.ones((4, 8, 8, 3)), name="photo", rgb=True), "'photo' holds colours"),
        (layers.Image(np.ones((2, 8, 8, 8)), name="dwi"), "'dwi' has 4 axes .* choose one"),
        (
            layers.Image([np.ones((8, 8, 8)), np.ones((4, 4, 4))], name="big", multiscale=True),
            "'big' is a pyramid",
        ),
    ],
)
def test_what_is_no_single_volume_is_refused_in_a_sentence(layer, sentence):
    with pytest.raises(SpaceError, match=sentence) as refusal:
        volume_of(layer)
    assert str(refusal.value).count("\n") == 0


def test_metadata_of_strangers_is_no_place():
    for foreign in (
        {"itermask": "yes"},
        {"itermask": {"affine": "none"}},
        {"affine": np.eye(3)},
        {"affine": np.diag([5.0, 5, 5, 1])},  # other sizes than the layer's: of something else
        {"spacing": (1, 1, 1)},
        {"spacing": None, "origin": None, "direction": None},
    ):
        layer = layers.Image(VOLUME, scale=(2, 3, 4), units=("mm",) * 3, metadata=foreign)
        np.testing.assert_allclose(voxel_sizes(volume_of(layer).affine), (4, 3, 2))


def test_data_of_another_shape_is_not_turned_into_a_file():
    with pytest.raises(SpaceError, match="does not belong to a file of"):
        from_layer(np.ones((3, 3, 3)), OBLIQUE, SHAPE)
