"""Does the same scan come in however it was stored, and does a result go out in its space?"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from napari_itermask import Scan, ScanError, load_scan
from napari_itermask.scans.files import load_mask, save_volume, sha256, write_whole

NIBABEL = Path(nib.__file__).parent / "tests" / "data"  # nibabel's own odd files, in its wheel
ONE_THIRD = np.float32(1 / 3)

Store = Callable[[Scan, Path], Path]


def _load(path: Path) -> Any:  # nibabel is typed in part only
    return nib.load(path)


def _store(kind: Any, ending: str, dtype: Any = np.int16) -> Store:
    def store(scan: Scan, folder: Path) -> Path:
        nib.save(kind(scan.image.astype(dtype), scan.affine), folder / f"s{ending}")
        return folder / f"s{ending}"

    return store


def _big_endian(scan: Scan, folder: Path) -> Path:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nib.save(nib.Nifti1Image(scan.image.astype(">i2"), scan.affine, header), folder / "s.nii")
    return folder / "s.nii"


def _scaled(scan: Scan, folder: Path) -> Path:
    image = nib.Nifti1Image((2 * scan.image - 1000).astype(np.int16), scan.affine)
    image.header.set_slope_inter(0.5, 500)  # what is on disk, halved and plus 500
    nib.save(image, folder / "s.nii")
    return folder / "s.nii"


def _one_volume(scan: Scan, folder: Path) -> Path:
    nib.save(
        nib.Nifti1Image(scan.image.astype(np.int16)[..., None], scan.affine), folder / "s.nii.gz"
    )
    return folder / "s.nii.gz"


def _header_of_pair(scan: Scan, folder: Path) -> Path:
    return _store(nib.Nifti1Pair, ".img")(scan, folder).with_suffix(".hdr")


STORES: dict[str, Store] = {
    "nii": _store(nib.Nifti1Image, ".nii"),
    "nii.gz": _store(nib.Nifti1Image, ".nii.gz"),
    "NIfTI-2": _store(nib.Nifti2Image, ".nii.gz"),
    "mgz": _store(nib.MGHImage, ".mgz"),
    "img of a pair": _store(nib.Nifti1Pair, ".img"),
    "hdr of a pair": _header_of_pair,
    "float64": _store(nib.Nifti1Image, ".nii", np.float64),
    "big-endian": _big_endian,
    "int16 with slope and inter": _scaled,
    "4-D with one volume": _one_volume,
}


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def stored(request: pytest.FixtureRequest, phantom: Scan, tmp_path: Path) -> Path:
    """The phantom, written in each of the ways above."""
    path: Path = request.param(phantom, tmp_path)
    return path


def test_however_a_scan_is_stored_the_same_voxels_and_brain_come_in(
    stored: Path, phantom: Scan
) -> None:
    scan = load_scan(stored)
    assert scan.image.dtype == np.float32
    np.testing.assert_array_equal(scan.image, phantom.image)
    np.testing.assert_array_equal(scan.brain, phantom.brain)
    np.testing.assert_allclose(scan.affine, phantom.affine, atol=1e-5)
    assert (scan.background, scan.brain_source, scan.notes) == (0, "found", ())


def test_however_a_scan_is_stored_results_go_out_unscaled_on_its_voxels(
    stored: Path, phantom: Scan, tmp_path: Path
) -> None:
    scan = load_scan(stored)
    for name, volume, dtype in (
        ("mask", scan.brain, np.uint8),
        ("error", scan.image * ONE_THIRD, np.float32),
    ):
        save_volume(tmp_path / f"{name}.nii.gz", volume, scan)
        back = _load(tmp_path / f"{name}.nii.gz")
        np.testing.assert_array_equal(np.asarray(back.dataobj), volume)
        np.testing.assert_allclose(back.affine, phantom.affine, atol=1e-5)
        assert back.get_data_dtype().newbyteorder("=") == dtype
        assert back.header.get_xyzt_units()[0] in ("mm", "unknown")


def test_eight_bits_are_read_as_they_are(phantom: Scan, tmp_path: Path) -> None:
    few = np.ceil(phantom.image / 4).astype(np.uint8)
    nib.save(nib.Nifti1Image(few, phantom.affine), tmp_path / "s.nii.gz")
    np.testing.assert_array_equal(load_scan(tmp_path / "s.nii.gz").image, few)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize(("qform", "sform"), [(1, 0), (0, 2), (1, 1), (1, 4), (3, 2)])
def test_a_result_states_the_space_of_its_scan_in_the_same_words(
    kind: Any, qform: int, sform: int, phantom: Scan, tmp_path: Path
) -> None:
    oblique = nib.affines.from_matvec(
        nib.eulerangles.euler2mat(0.1, -0.2, 0.05) @ np.diag([-4.0, 4.0, 4.0]), (70, -80, 40)
    )
    image = kind(phantom.image.astype(np.int16), oblique)
    image.set_qform(oblique, qform)
    # Where both are stated they need not agree: a registration writes its own sform.
    image.set_sform(nib.affines.from_matvec(np.eye(3), (1, 2, 3)) @ oblique, sform)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"3T scanner"
    image.header["cal_max"] = 700
    nib.save(image, tmp_path / "s.nii.gz")

    save_volume(tmp_path / "mask.nii.gz", phantom.brain, load_scan(tmp_path / "s.nii.gz"))
    before, after = _load(tmp_path / "s.nii.gz"), _load(tmp_path / "mask.nii.gz")
    assert type(after) is type(before) is kind
    assert after.shape == before.shape
    np.testing.assert_array_equal(after.affine, before.affine)
    np.testing.assert_array_equal(after.get_qform(), before.get_qform())
    np.testing.assert_array_equal(after.get_sform(), before.get_sform())
    for key in ("qform_code", "sform_code", "xyzt_units", "pixdim", "descrip"):
        np.testing.assert_array_equal(after.header[key], before.header[key], err_msg=key)
    assert after.header["cal_max"] == 0  # else a viewer would window the mask like the scan


def test_a_result_for_an_mgz_is_nifti_that_states_its_space(phantom: Scan, tmp_path: Path) -> None:
    affine = np.array([[-4.0, 0, 0, 70], [0, 0, 4, -80], [0, -4, 0, 60], [0, 0, 0, 1]])  # LIA
    nib.save(nib.MGHImage(phantom.image, affine), tmp_path / "s.mgz")
    save_volume(tmp_path / "mask.nii.gz", phantom.brain, load_scan(tmp_path / "s.mgz"))
    back = _load(tmp_path / "mask.nii.gz")
    assert type(back) is nib.Nifti1Image
    assert int(back.header["sform_code"]) > 0
    assert back.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(back.affine, affine, atol=1e-5)


def test_a_disk_that_fills_up_leaves_the_old_result_and_no_half_of_the_new(
    phantom: Scan, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="file sizes are limited on Unix only")
    path = tmp_path / "error.nii.gz"
    save_volume(path, phantom.brain, phantom)
    before = path.read_bytes()

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # bytes; "File too large" after them
    try:
        with pytest.raises(OSError, match="File too large"):
            save_volume(path, phantom.image, phantom)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_in_the_middle_of_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(part: Path) -> None:
        part.write_text("half")
        assert not (tmp_path / "run.json").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "run.json", write)
    assert list(tmp_path.iterdir()) == []


def test_a_result_may_be_read_by_whom_any_other_new_file_may(phantom: Scan, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    save_volume(tmp_path / "mask.nii.gz", phantom.brain, phantom)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()]
    assert modes[0] == modes[1]


def test_nibabels_big_endian_anatomy_reads_like_nibabel_reads_it(tmp_path: Path) -> None:
    file = NIBABEL / "anatomical.nii"  # int16, LAS, minimum -610, with its skull
    head = _load(file)
    mask = np.zeros(head.shape, np.uint8)
    mask[10:24, 12:30, 6:20] = 1
    nib.save(nib.Nifti1Image(mask, head.affine), tmp_path / "brain.nii.gz")
    scan = load_scan(file, tmp_path / "brain.nii.gz")
    np.testing.assert_array_equal(scan.image, head.get_fdata(dtype=np.float32))
    assert scan.image.min() == -610
    assert scan.brain_source == "given"


def test_nibabels_afni_pair_reads_with_its_trailing_axis_taken_off(tmp_path: Path) -> None:
    file = NIBABEL / "scaled+tlrc.HEAD"  # (47, 54, 43, 1), with a scaling
    head = _load(file)
    mask = np.zeros(head.shape, np.uint8)
    mask[10:24, 12:30, 6:20] = 1
    nib.save(nib.Nifti1Image(mask, head.affine), tmp_path / "brain.nii.gz")
    scan = load_scan(file, tmp_path / "brain.nii.gz")
    np.testing.assert_array_equal(scan.image, head.get_fdata(dtype=np.float32)[..., 0])


def test_nan_voxels_of_nibabels_resampled_anatomy_are_counted_and_become_background() -> None:
    file = NIBABEL / "resampled_anat_moved.nii"
    with pytest.warns(UserWarning, match=r"has 153 voxels that are NaN or infinite: they were set"):
        scan = load_scan(file)
    lost = np.isnan(_load(file).get_fdata())
    assert np.isfinite(scan.image).all()
    assert not scan.brain[lost].any()
    assert set(scan.image[lost]) == {scan.background}
    assert len(scan.notes) == 1


def test_a_scan_whose_whole_background_is_nan_keeps_every_voxel_of_its_brain(
    phantom: Scan, tmp_path: Path
) -> None:
    image = np.where(phantom.brain, phantom.image, np.nan).astype(np.float32)
    nib.save(nib.Nifti1Image(image, phantom.affine), tmp_path / "s.nii.gz")
    with pytest.warns(UserWarning, match="they were set to the background, 0"):
        scan = load_scan(tmp_path / "s.nii.gz")
    np.testing.assert_array_equal(scan.brain, phantom.brain)
    np.testing.assert_array_equal(scan.image, phantom.image)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("functional.nii", "(17, 21, 3, 20)"),
        ("example4d.nii.gz", "(128, 96, 24, 2)"),
        ("example_nifti2.nii.gz", "(32, 20, 12, 2)"),
        ("example4d+orig.HEAD", "(33, 41, 25, 3)"),
        ("test.mgz", "(3, 4, 5, 2)"),
    ],
)
def test_of_several_volumes_one_has_to_be_picked(name: str, shape: str) -> None:
    with pytest.raises(ScanError) as refused:
        load_scan(NIBABEL / name)
    assert f"{name} holds several volumes, its shape is {shape}: pick one" in str(refused.value)


@pytest.mark.parametrize("name", ["nifti1.hdr", "nifti2.hdr", "analyze.hdr"])
def test_a_header_without_its_voxels_asks_for_the_file_that_is_missing(name: str) -> None:
    missing = name.replace("hdr", "img")
    with pytest.raises(ScanError, match=rf"{name} is half of a pair and {missing} is missing"):
        load_scan(NIBABEL / name)


def test_a_single_damaged_byte_in_a_gz_is_noticed_though_it_still_unpacks(scan_file: Path) -> None:
    raw = bytearray(scan_file.read_bytes())
    raw[-6] ^= 255  # of the checksum: nibabel stops reading before it
    scan_file.write_bytes(raw)
    assert _load(scan_file).get_fdata().shape == (40, 48, 42)
    with pytest.raises(ScanError, match=r"damaged or cut short .*: copy or download it again"):
        load_scan(scan_file)


def test_analyze_75_does_not_tell_left_from_right_and_that_is_said(
    phantom: Scan, tmp_path: Path
) -> None:
    image = nib.Spm2AnalyzeImage(phantom.image.astype(np.int16), np.diag([-4.0, 4, 4, 1]))
    nib.save(image, tmp_path / "s.img")
    with pytest.warns(UserWarning, match=r"left and right are an assumption"):
        load_scan(tmp_path / "s.img")


@pytest.mark.parametrize("qform", [0, 1])
def test_voxel_sizes_of_zero_are_not_taken_for_one_millimetre(
    qform: int, phantom: Scan, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine)
    nib.save(image, tmp_path / "s.nii")
    header = _load(tmp_path / "s.nii").header.copy()
    header["vox_offset"], header["sform_code"], header["qform_code"] = 352, 0, qform
    header["pixdim"][1:4] = 0
    raw = bytearray((tmp_path / "s.nii").read_bytes())
    raw[:348] = header.binaryblock
    (tmp_path / "s.nii").write_bytes(raw)
    with pytest.raises(ScanError, match=r"s.nii states voxels of 0 x 0 x 0 mm and no sform"):
        load_scan(tmp_path / "s.nii")
    assert capfd.readouterr().err == ""  # nibabel's own remark on it would be a second sentence


@pytest.mark.parametrize("off", [1e-3, -1e-3])
def test_a_brain_mask_that_lies_a_hair_beside_is_taken_for_rounding(
    off: float, phantom: Scan, scan_file: Path, tmp_path: Path
) -> None:
    affine = phantom.affine.copy()
    affine[:3, 3] += off  # mm
    nib.save(nib.Nifti1Image(phantom.brain.astype(np.uint8), affine), tmp_path / "b.nii.gz")
    scan = load_scan(scan_file, tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(scan.brain, phantom.brain)
    np.testing.assert_array_equal(scan.affine, phantom.affine)


def test_a_brain_mask_of_voxels_of_slightly_other_size_is_refused(
    phantom: Scan, scan_file: Path, tmp_path: Path
) -> None:
    affine = phantom.affine @ np.diag([1.005, 1, 1, 1])  # 0.02 mm a voxel, 0.8 mm at the far end
    nib.save(nib.Nifti1Image(phantom.brain.astype(np.uint8), affine), tmp_path / "b.nii.gz")
    with pytest.raises(ScanError, match=r"lies elsewhere than .* up to 0\.78 mm apart"):
        load_scan(scan_file, tmp_path / "b.nii.gz")


def test_a_given_brain_mask_may_be_a_probability_and_float(
    phantom: Scan, scan_file: Path, tmp_path: Path
) -> None:
    share = np.where(phantom.brain, 0.25, 0).astype(np.float32)
    share[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(share, phantom.affine), tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(load_scan(scan_file, tmp_path / "b.nii.gz").brain, phantom.brain)


def test_with_a_brain_mask_the_background_is_what_fills_the_rest(
    phantom: Scan, brain_file: Path, tmp_path: Path
) -> None:
    image = np.where(phantom.brain, phantom.image, -7)
    image[0, 0, :5] = 3
    nib.save(nib.Nifti1Image(image.astype(np.float32), phantom.affine), tmp_path / "s.nii.gz")
    scan = load_scan(tmp_path / "s.nii.gz", brain_file)
    assert (scan.background, scan.brain_source, scan.brain_path) == (-7, "given", brain_file)


def test_a_mask_and_a_stripper_at_once_are_one_too_many(scan_file: Path, brain_file: Path) -> None:
    with pytest.raises(ScanError, match="a brain mask and a skull-stripper: choose one"):
        load_scan(scan_file, brain_file, strip="hd-bet")


def test_a_mask_given_in_place_of_the_scan_is_noticed(brain_file: Path) -> None:
    with pytest.raises(ScanError, match=r"brain.nii.gz shows one single value, 1, all over"):
        load_scan(brain_file)


def test_a_truth_is_read_on_the_voxels_of_its_scan_or_not_at_all(
    phantom: Scan, scan_file: Path, tmp_path: Path
) -> None:
    scan, lesion = load_scan(scan_file), phantom.image > 600
    nib.save(nib.Nifti1Image(4 * lesion.astype(np.int16), phantom.affine), tmp_path / "t.nii.gz")
    np.testing.assert_array_equal(load_mask(tmp_path / "t.nii.gz", scan), lesion)
    nib.save(
        nib.Nifti1Image(lesion[:, :, 1:].astype(np.uint8), phantom.affine), tmp_path / "t.nii.gz"
    )
    with pytest.raises(ScanError, match=r"t.nii.gz has the shape \(40, 48, 41\), .*scan.nii.gz"):
        load_mask(tmp_path / "t.nii.gz", scan)


@pytest.mark.parametrize("given", ["s.hdr", "s.img"])
def test_the_hash_of_a_pair_changes_with_either_of_its_files(
    given: str, phantom: Scan, tmp_path: Path
) -> None:
    STORES["img of a pair"](phantom, tmp_path)
    seen = {sha256(tmp_path / given)}
    for name in ("s.hdr", "s.img"):
        raw = bytearray((tmp_path / name).read_bytes())
        raw[-1] ^= 1
        (tmp_path / name).write_bytes(raw)
        seen.add(sha256(tmp_path / given))
    assert len(seen) == 3


def test_the_hash_of_one_file_is_the_one_that_everyone_computes(tmp_path: Path) -> None:
    (tmp_path / "s.nii").write_bytes(b"abc")
    assert sha256(tmp_path / "s.nii").startswith("ba7816bf8f01cfea414140de5dae2223")
