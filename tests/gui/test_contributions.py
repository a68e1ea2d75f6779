"""Scans and runs come into napari where they lie, and go out of it where they lie."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

import napari_itermask as itm
from napari_itermask.gui.placed.space import mm_of, placing, to_layer, volume_of
from napari_itermask.synthetic.patient import sample_files

pytest.importorskip("napari")
npe2 = pytest.importorskip("npe2")
sitk = pytest.importorskip("SimpleITK")

PLUGIN = "napari-itermask"
SHAPE = (9, 11, 6)
FLAIR = np.random.default_rng(3).permutation(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)
LESION = (FLAIR > 500).astype(np.uint8) * 2


def oblique(signs=(-1, 1, 1), order=(0, 1, 2), degrees=14):
    affine = np.eye(4)
    for column, row in enumerate(order):
        affine[:3, column] = 0
        affine[row, column] = signs[column] * (0.8, 1.0, 4.5)[column]
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([2, 1, 2]) / 3).as_matrix()
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = (31.0, -44.5, 12.25)
    return affine


PLACES = {
    "las": oblique(degrees=0),
    "oblique": oblique(),
    "sagittal": oblique(signs=(1, -1, -1), order=(2, 0, 1)),
}


@pytest.fixture
def viewer():
    """A viewer without a window: it opens and saves by the same plugins, much sooner."""
    from napari.components import ViewerModel

    npe2.PluginManager.instance().discover()
    return ViewerModel()


@pytest.fixture
def window(make_napari_viewer):
    """A viewer with a window, which a writer can ask for the layers around."""
    return make_napari_viewer()


@pytest.fixture(params=PLACES)
def affine(request):
    return PLACES[request.param]


@pytest.fixture
def flair(affine, tmp_path):
    image = nib.Nifti1Image(FLAIR, affine)
    image.header["descrip"] = b"a FLAIR"
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    nib.save(image, tmp_path / "sub-01_flair.nii.gz")
    return tmp_path / "sub-01_flair.nii.gz"


def assert_same_file(one, other):
    """The same voxels in the same order at the same place, for nibabel and for ITK."""
    a, b = nib.load(one), nib.load(other)
    np.testing.assert_array_equal(np.asarray(a.dataobj), np.asarray(b.dataobj))
    np.testing.assert_allclose(a.affine, b.affine, atol=1e-4)
    c, d = sitk.ReadImage(str(one)), sitk.ReadImage(str(other))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(c), sitk.GetArrayFromImage(d))
    corner = [n - 1 for n in c.GetSize()]
    np.testing.assert_allclose(
        c.TransformIndexToPhysicalPoint(corner),
        d.TransformIndexToPhysicalPoint(corner),
        atol=1e-3,
    )


def test_a_scan_opens_where_itk_says_it_lies(viewer, flair):
    (layer,) = viewer.open(flair, plugin=PLUGIN)
    assert layer.name == "sub-01_flair"
    assert layer.axis_labels == ("S", "A", "R")
    itk = sitk.ReadImage(str(flair))
    for index in [(0, 0, 0), (8, 0, 5), (2, 10, 3)]:
        at = np.argwhere(layer.data == FLAIR[index])[0]
        left, back, up = itk.TransformIndexToPhysicalPoint(index)
        mm = mm_of(layer, layer.data_to_world(at))
        np.testing.assert_allclose(mm, (-left, -back, up), atol=1e-3)
    assert volume_of(layer).path == flair.resolve()


def test_a_scan_saved_again_is_the_same_file_with_its_header(viewer, flair, tmp_path):
    (layer,) = viewer.open(flair, plugin=PLUGIN)
    for name in ("again.nii.gz", "again.nii"):
        assert layer.save(tmp_path / name) == [str(tmp_path / name)]
        assert_same_file(flair, tmp_path / name)
        header = nib.load(tmp_path / name).header
        assert header["descrip"].tobytes().startswith(b"a FLAIR")
        assert (header["sform_code"], header["qform_code"]) == (1, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "again.nii",
        "again.nii.gz",
        flair.name,
    ]


def test_selected_layers_are_saved_through_the_layer_list(viewer, flair, tmp_path):
    viewer.open(flair, plugin=PLUGIN)
    written = viewer.layers.save(tmp_path / "list.nii.gz", plugin=PLUGIN)
    assert written == [str(tmp_path / "list.nii.gz")]
    assert_same_file(flair, tmp_path / "list.nii.gz")


def test_an_mgz_lies_where_nibabel_says_and_is_saved_as_nifti(viewer, affine, tmp_path):
    nib.save(nib.MGHImage(FLAIR.astype(np.float32), affine), tmp_path / "scan.mgz")
    (layer,) = viewer.open(tmp_path / "scan.mgz", plugin=PLUGIN)
    volume = volume_of(layer)
    np.testing.assert_array_equal(volume.voxels, FLAIR)
    np.testing.assert_allclose(volume.affine, nib.load(tmp_path / "scan.mgz").affine, atol=1e-4)
    layer.save(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(nib.load(tmp_path / "scan.nii.gz").affine, volume.affine, atol=1e-4)


@pytest.mark.parametrize("name", ["lesion_mask", "sub-01_seg", "truth", "brain_ROI"])
def test_few_whole_numbers_under_a_name_of_labels_are_labels(viewer, name, tmp_path):
    nib.save(nib.Nifti1Image(LESION, PLACES["oblique"]), tmp_path / f"{name}.nii.gz")
    (layer,) = viewer.open(tmp_path / f"{name}.nii.gz", plugin=PLUGIN)
    assert layer.as_layer_data_tuple()[2] == "labels"
    np.testing.assert_array_equal(volume_of(layer).voxels, LESION)
    layer.save(tmp_path / "again.nii.gz")
    assert_same_file(tmp_path / f"{name}.nii.gz", tmp_path / "again.nii.gz")
    assert nib.load(tmp_path / "again.nii.gz").get_data_dtype() == np.uint8


@pytest.mark.parametrize(
    ("name", "voxels", "intent"),
    [
        ("flair", LESION, "none"),  # nothing says that these are labels
        ("flair_masked", FLAIR, "none"),  # a name alone does not make an image labels
        ("lesion_probability", LESION / 3, "none"),
        ("lesion_change", LESION.astype(np.float32) - 1, "none"),
        ("asl", FLAIR, "label"),
    ],
)
def test_all_else_is_an_image(viewer, name, voxels, intent, tmp_path):
    image = nib.Nifti1Image(voxels.astype(np.float32), np.eye(4))
    image.header.set_intent(intent)
    nib.save(image, tmp_path / f"{name}.nii")
    (layer,) = viewer.open(tmp_path / f"{name}.nii", plugin=PLUGIN)
    assert layer.as_layer_data_tuple()[2] == "image"
    np.testing.assert_allclose(volume_of(layer).voxels, voxels)


def test_a_header_that_says_labels_is_believed(viewer, tmp_path):
    image = nib.Nifti1Image(LESION, np.eye(4))
    image.header.set_intent("label")
    nib.save(image, tmp_path / "aseg.nii.gz")
    (layer,) = viewer.open(tmp_path / "aseg.nii.gz", plugin=PLUGIN)
    assert layer.as_layer_data_tuple()[2] == "labels"


def test_several_volumes_open_with_a_slider_and_each_of_them_can_be_used(viewer, tmp_path):
    from napari.layers.utils.stack_utils import stack_to_images

    volumes = np.stack([FLAIR, FLAIR + 1, FLAIR + 2], axis=-1)
    nib.save(nib.Nifti1Image(volumes, PLACES["oblique"]), tmp_path / "bold.nii.gz")
    (layer,) = viewer.open(tmp_path / "bold.nii.gz", plugin=PLUGIN)
    assert layer.data.shape == (3, 6, 11, 9)
    assert layer.axis_labels == ("volume", "S", "A", "R")
    with pytest.raises(OSError, match=r"x.nii.gz was not written: .* 4 axes"):
        layer.save(tmp_path / "x.nii.gz")
    one = viewer.add_layer(stack_to_images(layer, axis=0)[1])
    volume = volume_of(one)
    np.testing.assert_array_equal(volume.voxels, FLAIR + 1)
    assert volume.path is None
    one.save(tmp_path / "one.nii.gz", plugin=PLUGIN)
    saved = nib.load(tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(saved.get_fdata(), FLAIR + 1)
    np.testing.assert_allclose(saved.affine, PLACES["oblique"], atol=1e-4)


def test_a_mask_drawn_anew_on_a_scan_is_saved_on_its_voxels(window, tmp_path):
    flair = tmp_path / "flair.nii.gz"
    nib.save(nib.Nifti1Image(FLAIR, PLACES["sagittal"]), flair)
    (layer,) = window.open(flair, plugin=PLUGIN)
    drawn = window.add_labels(  # what napari's "new labels layer" makes: no metadata
        np.zeros(layer.data.shape, np.int64),
        scale=layer.scale,
        translate=layer.translate,
        units=layer.units,
    )
    assert drawn.metadata == {}
    drawn.data[tuple(np.argwhere(layer.data == FLAIR.max())[0])] = 5
    drawn.save(tmp_path / "drawn.nii.gz", plugin=PLUGIN)
    saved = nib.load(tmp_path / "drawn.nii.gz")
    (voxel,) = np.argwhere(np.asarray(saved.dataobj) == 5)
    assert FLAIR[tuple(voxel)] == FLAIR.max()
    np.testing.assert_allclose(saved.affine, nib.load(flair).affine, atol=1e-4)


def test_a_mask_over_part_of_an_oblique_scan_keeps_its_place(window, tmp_path):
    affine = PLACES["oblique"]
    nib.save(nib.Nifti1Image(FLAIR, affine), tmp_path / "flair.nii.gz")
    (layer,) = window.open(tmp_path / "flair.nii.gz", plugin=PLUGIN)
    part = window.add_labels(
        np.ones((2, 2, 2), np.uint8),
        scale=layer.scale,
        translate=layer.data_to_world((1, 2, 3)),
        units=layer.units,
    )
    part.save(tmp_path / "part.nii.gz", plugin=PLUGIN)
    corner = apply_affine(nib.load(tmp_path / "part.nii.gz").affine, (1, 0, 0))  # LAS: R is last
    np.testing.assert_allclose(corner, mm_of(layer, layer.data_to_world((1, 2, 3))), atol=1e-4)


def test_a_layer_of_napari_nifti_is_saved_where_it_lies(viewer, affine, tmp_path):
    canonical = nib.as_closest_canonical(nib.Nifti1Image(FLAIR, affine))
    theirs = viewer.add_image(
        np.asarray(canonical.dataobj).transpose(2, 1, 0),
        metadata={"affine": canonical.affine, "coordinate_system": "RAS+"},
    )
    theirs.save(tmp_path / "theirs.nii.gz", plugin=PLUGIN)
    saved = nib.load(tmp_path / "theirs.nii.gz")
    np.testing.assert_array_equal(saved.get_fdata(), canonical.get_fdata())
    np.testing.assert_allclose(saved.affine, canonical.affine, atol=1e-4)


def test_a_layer_without_a_spacing_is_not_saved_and_nothing_is_left(window, tmp_path):
    window.open_sample(PLUGIN, "patient")
    layer = window.add_image(np.ones((4, 5, 6)), name="array")
    with pytest.raises(OSError, match=r"out.nii.gz was not written: .*'array'.* how large"):
        layer.save(tmp_path / "out.nii.gz", plugin=PLUGIN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (np.array([0, 300], np.int64), np.int16),
        (np.array([0, 70_000], np.uint32), np.int32),
        (np.array([0, 2.0**40], np.int64), np.float64),
        (np.array([0, 0.5], np.float16), np.float32),
        (np.array([0, 0.1], np.float64), np.float64),
        (np.array([0, 1], bool), np.uint8),
    ],
)
def test_every_kind_of_number_is_saved_so_that_others_read_it(viewer, values, stored, tmp_path):
    data = np.resize(values, SHAPE)
    layer = viewer.add_image(to_layer(data, np.eye(4)), **placing(np.eye(4), SHAPE))
    layer.save(tmp_path / "out.nii", plugin=PLUGIN)
    assert nib.load(tmp_path / "out.nii").get_data_dtype() == stored
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nii")))
    np.testing.assert_array_equal(back, volume_of(layer).voxels.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("cut.nii.gz", None, "cut.nii.gz is damaged or cut short"),
        ("text.nii", b"no image at all", "text.nii is not an image"),
        ("empty.mgz", b"", "empty.mgz is empty"),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence(viewer, name, content, sentence, tmp_path):
    if content is None:
        nib.save(nib.Nifti1Image(FLAIR, np.eye(4)), tmp_path / "whole.nii.gz")
        content = (tmp_path / "whole.nii.gz").read_bytes()[:-400]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        viewer.open(tmp_path / name, plugin=PLUGIN)
    assert not viewer.layers


@pytest.fixture
def run_folder(small_model, scan_file, tmp_path):
    run = itm.refine(itm.load_scan(scan_file), small_model, search=False)
    return run.save(tmp_path / "out")


def test_a_run_opens_from_its_folder_and_from_its_record(viewer, run_folder, scan_file):
    for path in (run_folder, run_folder / "run.json"):
        viewer.layers.clear()
        viewer.open(path, plugin=PLUGIN)
        assert [layer.name for layer in viewer.layers] == [
            "scan (out)",
            "reconstruction (out)",
            "error (out)",
            "mask (out)",
        ]
    run = itm.load_run(run_folder)
    mask = viewer.layers["mask (out)"]
    np.testing.assert_array_equal(volume_of(mask).voxels > 0, run.mask)
    assert mask.metadata["itermask"]["created"] == run.record.created
    assert volume_of(viewer.layers["scan (out)"]).path == scan_file.resolve()
    for layer in viewer.layers:
        np.testing.assert_allclose(volume_of(layer).affine, run.affine, atol=1e-4)


def test_a_run_whose_scan_was_changed_opens_without_it_and_says_so(viewer, run_folder, scan_file):
    scan_file.write_bytes(scan_file.read_bytes() + b"x")
    with pytest.warns(UserWarning, match=r"the input of out is not shown: .*no longer the file"):
        viewer.open(run_folder, plugin=PLUGIN)
    assert "scan (out)" not in viewer.layers
    assert "mask (out)" in viewer.layers


def test_a_run_that_lacks_a_file_is_refused_in_a_sentence(viewer, run_folder):
    (run_folder / "error.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"not a complete run: error.nii.gz is missing"):
        viewer.open(run_folder / "run.json", plugin=PLUGIN)


def test_a_folder_that_is_no_run_is_left_to_other_readers(tmp_path):
    from napari_itermask.gui.contributions import get_reader

    assert get_reader(str(tmp_path)) is None
    assert get_reader(["one.nii", "two.nii"]) is None


def test_the_sample_is_a_scan_with_its_truth_on_it(window):
    flair, truth = window.open_sample(PLUGIN, "patient")
    assert [flair.name, truth.name] == ["flair", "lesion (truth)"]
    scan, lesion = volume_of(flair), volume_of(truth)
    assert scan.path == sample_files().flair.resolve()
    np.testing.assert_array_equal(scan.affine, lesion.affine)
    expected = nib.load(sample_files().lesion)
    np.testing.assert_array_equal(lesion.voxels, np.asarray(expected.dataobj))
    np.testing.assert_allclose(lesion.affine, expected.affine)
    # The lesions are brighter than the brain around them.
    inside = scan.voxels[lesion.voxels > 0].mean()
    assert inside > 1.3 * scan.voxels[(lesion.voxels == 0) & (scan.voxels > 0)].mean()


def test_no_file_stays_open(viewer, flair, tmp_path):
    import psutil

    (layer,) = viewer.open(flair, plugin=PLUGIN)
    layer.save(tmp_path / "again.nii", plugin=PLUGIN)
    held = [file.path for file in psutil.Process().open_files()]
    assert not [path for path in held if path.startswith(str(tmp_path))]
