"""Is bad input refused in one sentence, before anything is written, by Python and by the shell?

Each sentence names the file, the cause and the remedy. What can be mended is, inside a warning.
"""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from click.testing import Result
from scipy import ndimage
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app

NIBABEL = Path(nib.__file__).parent / "tests" / "data"
SETTINGS = itm.RefineSettings(threshold_rule="manual", manual_threshold=2, max_passes=2)


@dataclass(frozen=True)
class Bad:
    """What a person may give, made in a folder from the good phantom, and what they are told."""

    make: Callable[[Path, itm.Scan], Path]
    cause: str
    remedy: str


# The two doors ---------------------------------------------------------------------------------


def through_python(
    scan: Path, model: Path | str, out: Path | str, brain_mask: Path | None = None, **ask: Any
) -> itm.Run:
    run = itm.refine(
        itm.load_scan(scan, brain_mask),
        itm.load_model(model, **ask),
        SETTINGS,
        device="cpu",
        precision="plain",
        search=False,
    )
    run.save(out)
    return run


def through_shell(
    scan: Path, model: Path | str, out: Path | str, brain_mask: Path | None = None, **ask: str
) -> Result:
    words = ["refine", scan, "--model", model, "--out", out, "--no-search", "--device", "cpu"]
    words += ["--precision", "plain"]
    words += ["--threshold-rule", "manual", "--manual-threshold", 2, "--max-passes", 2]
    words += ["--brain-mask", brain_mask] if brain_mask else []
    words += [w for k, v in ask.items() for w in (f"--{k.replace('isation', 'ise')}", v)]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the person works in; what a door might write by itself lands here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in folder.rglob("*")
    }


def assert_one_sentence(text: str, file: Path | str, bad: Bad) -> None:
    assert text.count("\n") == 0, text
    assert text.endswith("."), text
    assert not re.search(r"[.!?] +[A-Z]", text), f"more than one sentence: {text}"
    assert str(file) in text, text
    assert "Errno" not in text, text
    assert re.search(f"{bad.cause}.*: .*{bad.remedy}", text), text


def assert_refused_by_python(
    bad: Bad, file: Path, desk: Path, error: type[Exception] = ValueError, **given: Any
) -> None:
    before = contents(desk)
    with pytest.raises(error) as refused:
        through_python(out=desk / "out", **given)
    assert_one_sentence(str(refused.value), file, bad)
    assert contents(desk) == before


def assert_refused_by_shell(bad: Bad, file: Path, desk: Path, **given: Any) -> None:
    before = contents(desk)
    done = through_shell(out=desk / "out", **given)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert_one_sentence(done.stderr.removeprefix("Error: ").removesuffix("\n"), file, bad)
    assert contents(desk) == before


# Bad scans -------------------------------------------------------------------------------------


def saved(image: Any, path: Path) -> Path:
    nib.save(image, path)
    return path


def nifti(scan: itm.Scan, **header: Any) -> Callable[[Path], Path]:
    """Write the phantom as s.nii, fields of its header overwritten as no writer would."""

    def write(folder: Path) -> Path:
        path = saved(nib.Nifti1Image(scan.image.astype(np.int16), scan.affine), folder / "s.nii")
        fields = nib.load(path).header.copy()
        fields["vox_offset"] = 352
        for key, value in header.items():
            fields[key] = value
        raw = bytearray(path.read_bytes())
        raw[:348] = fields.binaryblock
        path.write_bytes(raw)
        return path

    return write


def missing(folder: Path, scan: itm.Scan) -> Path:
    return folder / "no-such.nii.gz"


def empty(folder: Path, scan: itm.Scan) -> Path:
    (folder / "s.nii.gz").touch()
    return folder / "s.nii.gz"


def cut_short(folder: Path, scan: itm.Scan) -> Path:
    path = saved(nib.Nifti1Image(scan.image, scan.affine), folder / "s.nii.gz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def cut_in_header(folder: Path, scan: itm.Scan) -> Path:
    path = cut_short(folder, scan)
    path.write_bytes(path.read_bytes()[:80])
    return path


def cut_short_mgz(folder: Path, scan: itm.Scan) -> Path:
    path = saved(nib.MGHImage(scan.image, scan.affine), folder / "s.mgz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def one_bit_off(folder: Path, scan: itm.Scan) -> Path:
    path = saved(nib.Nifti1Image(scan.image.astype(np.int16), scan.affine), folder / "s.nii.gz")
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1
    path.write_bytes(raw)
    return path


def no_image(folder: Path, scan: itm.Scan) -> Path:
    (folder / "notes.nii").write_text("The scan of Tuesday, see the other disk.\n" * 40)
    return folder / "notes.nii"


def not_gzip(folder: Path, scan: itm.Scan) -> Path:
    nifti(scan)(folder).rename(folder / "s.nii.gz")
    return folder / "s.nii.gz"


def flat(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(scan.image[:, :, 20], scan.affine), folder / "s.nii.gz")


def one_slice(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(scan.image[:, :, 20:21], scan.affine), folder / "s.nii.gz")


def several(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(np.stack([scan.image] * 3, -1), scan.affine), folder / "s.nii.gz")


def dicom_folder(folder: Path, scan: itm.Scan) -> Path:
    series = folder / "series" / "1"
    series.mkdir(parents=True)
    (series.parent / ".DS_Store").write_bytes(b"left by a Mac")
    shutil.copy(NIBABEL / "0.dcm", series / "IM0001")
    return series.parent


def dicom_file(folder: Path, scan: itm.Scan) -> Path:
    shutil.copy(NIBABEL / "0.dcm", folder / "IM0001.dcm")
    return folder / "IM0001.dcm"


def other_folder(folder: Path, scan: itm.Scan) -> Path:
    (folder / "subject").mkdir()
    (folder / "subject" / "readme.txt").write_text("nothing here")
    return folder / "subject"


def colours(folder: Path, scan: itm.Scan) -> Path:
    image = np.zeros(scan.image.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    image["R"] = scan.brain
    return saved(nib.Nifti1Image(image, scan.affine), folder / "s.nii.gz")


def complex_numbers(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(scan.image.astype(np.complex64), scan.affine), folder / "s.nii.gz")


def zero_affine(folder: Path, scan: itm.Scan) -> Path:
    zero = np.zeros(4)
    return nifti(scan, sform_code=1, srow_x=zero, srow_y=zero, srow_z=zero)(folder)


def zero_sizes(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=0, qform_code=1, pixdim=[1, 0, 0, 0, 1, 1, 1, 1])(folder)


def nan_affine(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=1, srow_y=np.full(4, np.nan))(folder)


def flat_affine(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=1, srow_x=[4, 0, 0, 0], srow_y=[4, 0, 0, 0])(folder)


def bad_rotation(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=0, qform_code=1, quatern_b=1.0, quatern_c=1.0, quatern_d=1.0)(
        folder
    )


def micrometres(folder: Path, scan: itm.Scan) -> Path:
    return saved(
        nib.Nifti1Image(scan.image, scan.affine @ np.diag([1000, 1000, 1000, 1])),
        folder / "s.nii.gz",
    )


def huge(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])(folder)


def no_voxels(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, dim=[3, 0, 0, 0, 1, 1, 1, 1])(folder)


def unknown_type(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, datatype=77)(folder)


def constant(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(np.full_like(scan.image, 5), scan.affine), folder / "s.nii.gz")


def all_nan(folder: Path, scan: itm.Scan) -> Path:
    return saved(
        nib.Nifti1Image(np.full_like(scan.image, np.nan), scan.affine), folder / "s.nii.gz"
    )


def a_mask(folder: Path, scan: itm.Scan) -> Path:
    return saved(nib.Nifti1Image(scan.brain.astype(np.uint8), scan.affine), folder / "s.nii.gz")


def in_head(scan: itm.Scan, air: Any) -> Any:
    """The brain within 1.25 times as wide a head; ``air`` is what lies around that."""
    image, brain = np.pad(scan.image, 12), np.pad(scan.brain, 12)
    x, y, z = (np.indices(image.shape).T - np.array(image.shape) / 2).T * 4  # mm
    head = (x / 75) ** 2 + (y / 100) ** 2 + (z / 75) ** 2 < 1
    scalp = np.random.default_rng(1).integers(150, 350, image.shape)
    whole = np.where(brain, image, np.where(head, scalp, air)).astype(np.int16)
    return nib.Nifti1Image(whole, scan.affine)


def head_in_noise(folder: Path, scan: itm.Scan) -> Path:
    noise = np.abs(np.random.default_rng(2).normal(0, 6, np.array(scan.image.shape) + 24))
    return saved(in_head(scan, np.rint(noise)), folder / "s.nii.gz")


def head_in_zeros(folder: Path, scan: itm.Scan) -> Path:
    return saved(in_head(scan, 0), folder / "s.nii.gz")


SKULL = re.escape("give a brain mask (--brain-mask FILE, ") + ".*--strip hd-bet"
NIFTI = re.escape("give NIfTI (.nii, .nii.gz) or MGZ")

SCANS = {
    "missing": Bad(missing, "does not exist", "check the path"),
    "empty": Bad(empty, "is empty", "copy or download it again"),
    "cut short": Bad(cut_short, "damaged or cut short", "copy or download it again"),
    "cut in header": Bad(cut_in_header, "damaged or cut short", "copy or download it again"),
    "cut short mgz": Bad(cut_short_mgz, "damaged or cut short", "copy or download it again"),
    "one bit off": Bad(one_bit_off, "damaged or cut short", "copy or download it again"),
    "no image": Bad(no_image, "is not an image that can be read", NIFTI),
    "not gzip": Bad(not_gzip, r"not a gzip file\)", NIFTI),
    "2-D": Bad(flat, r"has the shape \(40, 48\), which is no volume", "give the 3-D scan"),
    "one slice": Bad(one_slice, "is a single slice", "give the 3-D scan"),
    "several volumes": Bad(several, r"several volumes, its shape is \(40, 48, 42, 3\)", "pick one"),
    "DICOM folder": Bad(dicom_folder, "is a folder of DICOM files", "convert it with dcm2niix"),
    "DICOM file": Bad(dicom_file, "is DICOM, not NIfTI", "convert its folder with dcm2niix"),
    "other folder": Bad(other_folder, "is a folder", "give one file"),
    "colours": Bad(colours, "holds colours, not intensities", "give the grey-scale"),
    "complex": Bad(complex_numbers, "holds complex numbers", "give the grey-scale .magnitude"),
    "zero affine": Bad(zero_affine, "has a singular affine", "repair its sform and qform"),
    "zero sizes": Bad(zero_sizes, "states voxels of 0 x 0 x 0 mm and no sform", "repair its head"),
    "NaN affine": Bad(nan_affine, "has an affine that is not finite", "repair its sform and qf"),
    "flat affine": Bad(flat_affine, "has a singular affine", "repair its sform and qform"),
    "bad rotation": Bad(bad_rotation, "has a header that cannot be read", "convert it to NIfTI"),
    "micrometres": Bad(micrometres, "states voxels of 4e.03 x", "repair the voxel sizes"),
    "huge": Bad(huge, "promises 32767 x 32767 x 32767 voxels, which need", "check its header"),
    "no voxels": Bad(no_voxels, r"has the shape \(0, 0, 0\)", "give the 3-D scan"),
    "unknown type": Bad(unknown_type, "data code 77 not recognized", NIFTI),
    "constant": Bad(constant, "is constant, every voxel is 5", "export it again"),
    "all NaN": Bad(all_nan, "holds no finite voxel", "export it again"),
    "a mask": Bad(a_mask, "shows one single value, 1, all over its brain", "give a scan rather"),
    "head in noise": Bad(head_in_noise, "does not look skull-stripped", SKULL),
    "head in zeros": Bad(head_in_zeros, r"skull-stripped .*measures 23\d\d ml", SKULL),
}


@pytest.mark.parametrize("bad", SCANS.values(), ids=SCANS.keys())
def test_a_bad_scan_is_refused_in_one_sentence(
    bad: Bad, phantom: itm.Scan, small_model: itm.Model, desk: Path
) -> None:
    file = bad.make(desk, phantom)
    given = {"scan": file, "model": small_model.weights.parent}
    assert_refused_by_python(bad, file, desk, itm.ScanError, **given)
    assert_refused_by_shell(bad, file, desk, **given)


@pytest.mark.parametrize("name", ["cut short", "zero sizes", "head in zeros"])
def test_the_installed_command_says_the_same_and_nothing_else(
    name: str, phantom: itm.Scan, desk: Path
) -> None:
    bad = SCANS[name]
    file = bad.make(desk, phantom)
    before = contents(desk)
    command = shutil.which("napari-itermask", path=sysconfig.get_path("scripts"))
    assert command is not None
    done = subprocess.run(
        [command, "refine", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_sentence(done.stderr.removeprefix("Error: ").removesuffix("\n"), file, bad)
    assert contents(desk) == before


# Bad brain masks -------------------------------------------------------------------------------


def mask_of(scan: itm.Scan, folder: Path, mask: Any = None, affine: Any = None) -> Path:
    mask = scan.brain if mask is None else mask
    affine = scan.affine if affine is None else affine
    return saved(nib.Nifti1Image(mask.astype(np.uint8), affine), folder / "brain.nii.gz")


def other_shape(folder: Path, scan: itm.Scan) -> Path:
    return mask_of(scan, folder, scan.brain[:, :, :-1])


def other_place(folder: Path, scan: itm.Scan) -> Path:
    affine = scan.affine.copy()
    affine[2, 3] += 12
    return mask_of(scan, folder, affine=affine)


def mirrored(folder: Path, scan: itm.Scan) -> Path:
    affine = scan.affine.copy()
    affine[0] *= -1
    return mask_of(scan, folder, affine=affine)


def thin(folder: Path, scan: itm.Scan) -> Path:
    mask = np.zeros_like(scan.brain)
    mask[20, 20, 10:30] = True
    return mask_of(scan, folder, mask)


MASKS = {
    "missing": Bad(missing, "does not exist", "check the path"),
    "cut short": Bad(cut_short, "damaged or cut short", "copy or download it again"),
    "other shape": Bad(
        other_shape,
        r"has the shape \(40, 48, 41\), .*scan.nii.gz \(40, 48, 42\)",
        "give the mask drawn on this scan, or resample it",
    ),
    "other place": Bad(
        other_place,
        r"lies elsewhere than .*scan.nii.gz \(their corners are up to 12 mm apart\)",
        "give the mask drawn on this scan, or resample it",
    ),
    "mirrored": Bad(
        mirrored, "lies elsewhere than .*scan.nii.gz", "give the mask drawn on this scan"
    ),
    "empty mask": Bad(
        lambda folder, scan: mask_of(scan, folder, np.zeros_like(scan.brain)),
        "is an empty mask, no voxel is above 0",
        "draw it, or give another",
    ),
    "full mask": Bad(
        lambda folder, scan: mask_of(scan, folder, np.ones_like(scan.brain)),
        "covers the whole volume",
        "give a mask above 0 in the brain only",
    ),
    "thin mask": Bad(
        thin, "brain.nii.gz is too thin for a grid of 6 x 6 x 6 mm", "give a mask of the whole"
    ),
    "colours": Bad(colours, "holds colours", "give the grey-scale"),
}


@pytest.mark.parametrize("bad", MASKS.values(), ids=MASKS.keys())
def test_a_bad_brain_mask_is_refused_in_one_sentence(
    bad: Bad, phantom: itm.Scan, scan_file: Path, small_model: itm.Model, desk: Path
) -> None:
    file = bad.make(desk, phantom)
    given = {"scan": scan_file, "brain_mask": file, "model": small_model.weights.parent}
    assert_refused_by_python(bad, file, desk, **given)
    assert_refused_by_shell(bad, file, desk, **given)


# Bad models ------------------------------------------------------------------------------------


def text_file(folder: Path, scan: itm.Scan) -> Path:
    (folder / "model.txt").write_text("weights follow by mail")
    return folder / "model.txt"


def text_checkpoint(folder: Path, scan: itm.Scan) -> Path:
    return text_file(folder, scan).rename(folder / "net.pth")


def text_safetensors(folder: Path, scan: itm.Scan) -> Path:
    return text_file(folder, scan).rename(folder / "net.safetensors")


def empty_checkpoint(folder: Path, scan: itm.Scan) -> Path:
    (folder / "net.pth").touch()
    return folder / "net.pth"


def other_network(folder: Path, scan: itm.Scan) -> Path:
    torch.save(torch.nn.Linear(2, 3).state_dict(), folder / "net.pth")
    return folder / "net.pth"


def cut_checkpoint(folder: Path, scan: itm.Scan) -> Path:
    path = other_network(folder, scan)
    path.write_bytes(path.read_bytes()[:700])
    return path


def no_tensors(folder: Path, scan: itm.Scan) -> Path:
    torch.save({"epoch": 7}, folder / "net.pth")
    return folder / "net.pth"


def no_card(folder: Path, scan: itm.Scan) -> Path:
    (folder / "model").mkdir()
    return folder / "model"


def broken_card(folder: Path, scan: itm.Scan) -> Path:
    path = no_card(folder, scan)
    (path / "card.json").write_text('{"name": "x"')
    return path


def no_weights(folder: Path, scan: itm.Scan) -> Path:
    path = no_card(folder, scan)
    (path / "card.json").write_text('{"name": "x", "modality": "t1", "normalisation": "zscore"}')
    return path


def broken_weights(folder: Path, scan: itm.Scan) -> Path:
    path = no_weights(folder, scan)
    (path / "model.safetensors").write_text("weights follow by mail")
    return path


MODELS = {
    "unknown name": Bad(lambda folder, scan: Path("flaer"), "there is no model", "known by name"),
    "text": Bad(text_file, "is not a model", "give a model's name, its folder, or"),
    "a scan": Bad(no_image, "is not a model", "give a model's name, its folder, or"),
    "text as .pth": Bad(text_checkpoint, "is not a checkpoint that can be read", "again"),
    "text as .safetensors": Bad(text_safetensors, "not a readable safetensors file", "again"),
    "empty .pth": Bad(empty_checkpoint, "not a checkpoint that can be read", "again"),
    "cut short .pth": Bad(cut_checkpoint, "is not a checkpoint that can be read", "again"),
    "another network": Bad(
        other_network, "not weights of an IterMask3D network", "give the weights of"
    ),
    "no tensors": Bad(no_tensors, "holds no state dict of tensors", "give the weights of"),
    "folder without card": Bad(no_card, "is not a model", "give a folder with"),
    "broken card": Bad(broken_card, "not a valid model card", "copy it again"),
    "folder without weights": Bad(no_weights, "is not a model", "give a folder with"),
    "broken weights": Bad(broken_weights, "not a readable safetensors file", "again"),
}


@pytest.mark.parametrize("bad", MODELS.values(), ids=MODELS.keys())
def test_what_is_no_model_is_refused_in_one_sentence(
    bad: Bad, phantom: itm.Scan, scan_file: Path, desk: Path
) -> None:
    file = bad.make(desk, phantom)
    ask = {} if file.is_dir() else {"modality": "flair", "normalisation": "zscore"}
    given = {"scan": scan_file, "model": file, **ask}
    assert_refused_by_python(bad, file, desk, itm.ModelError, **given)
    assert_refused_by_shell(bad, file, desk, **given)


class Payload:
    """Unpickled, it creates a file: what an attacker would do, made harmless."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def bare(payload: Payload, path: Path) -> None:
    torch.save(payload, path)


def beside_weights(payload: Payload, path: Path) -> None:
    torch.save({"model_state_dict": {"conv_1.bias": torch.zeros(2)}, "args": payload}, path)


def as_plain_pickle(payload: Payload, path: Path) -> None:
    path.write_bytes(pickle.dumps({"model_state_dict": payload}))


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.safetensors"])
@pytest.mark.parametrize("write", [bare, beside_weights, as_plain_pickle])
def test_the_payload_of_a_pickled_checkpoint_never_runs(
    write: Callable[[Payload, Path], None], name: str, scan_file: Path, desk: Path
) -> None:
    mark, file = desk / "payload-has-run", desk / name
    write(Payload(mark), file)
    with suppress(Exception), file.open("rb") as stream:  # by the time torch objects it has run
        torch.load(stream, weights_only=False)
    assert mark.exists()
    mark.unlink()

    bad = (
        Bad(missing, "is not a readable safetensors file", "copy or download it again")
        if name == "net.safetensors"
        else Bad(missing, r"holds more than tensors \(pickled code\)", "ask its author")
    )
    given = {"scan": scan_file, "model": file, "modality": "t1", "normalisation": "zscore"}
    assert_refused_by_python(bad, file, desk, itm.ModelError, **given)
    assert_refused_by_shell(bad, file, desk, **given)
    assert not mark.exists()


# Output folders that cannot be written ----------------------------------------------------------


def below_a_file(folder: Path, scan: itm.Scan) -> Path:
    (folder / "file").write_text("not a folder")
    return folder / "file" / "out"


def a_file(folder: Path, scan: itm.Scan) -> Path:
    (folder / "out.txt").write_text("not a folder")
    return folder / "out.txt"


def in_proc(folder: Path, scan: itm.Scan) -> Path:
    if not Path("/proc/self").exists():
        pytest.skip("/proc, in which not even root may write, is Linux's")
    return Path("/proc/itermask/out")


OUTS = {
    "below a file": Bad(below_a_file, r"cannot be written \(Not a directory\)", "choose another"),
    "a file": Bad(a_file, "is a file, not a folder", "choose another output folder"),
    "in /proc": Bad(in_proc, "cannot be written", "choose another output folder"),
}


@pytest.mark.parametrize("bad", OUTS.values(), ids=OUTS.keys())
def test_an_output_folder_that_cannot_be_written_is_refused_in_one_sentence(
    bad: Bad, phantom: itm.Scan, scan_file: Path, small_model: itm.Model, desk: Path
) -> None:
    out = bad.make(desk, phantom)
    before = contents(desk)
    with pytest.raises(OSError, match=bad.cause) as refused:
        through_python(scan_file, small_model.weights.parent, out)
    assert_one_sentence(str(refused.value), out, bad)
    done = through_shell(scan_file, small_model.weights.parent, out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert_one_sentence(done.stderr.removeprefix("Error: ").removesuffix("\n"), out, bad)
    assert contents(desk) == before


def test_results_that_are_there_are_not_replaced_unasked(
    scan_file: Path, small_model: itm.Model, desk: Path
) -> None:
    model, out = small_model.weights.parent, desk / "out"
    through_python(scan_file, model, out)
    before = contents(desk)
    bad = Bad(missing, r"holds results already \(run.json, mask.nii.gz", "choose another output")
    with pytest.raises(FileExistsError) as refused:
        through_python(scan_file, model, out)
    assert_one_sentence(str(refused.value), out, bad)
    assert_refused_by_shell(bad, out, desk, scan=scan_file, model=model)
    assert contents(desk) == before


# What is mended or assumed, and said ------------------------------------------------------------


def one_volume(folder: Path, scan: itm.Scan) -> Path:
    image = scan.image.astype(np.int16)[..., None]
    return saved(nib.Nifti1Image(image, scan.affine), folder / "s.nii.gz")


def no_codes(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=0, qform_code=0)(folder)


def negative_sizes(folder: Path, scan: itm.Scan) -> Path:
    return nifti(scan, sform_code=0, qform_code=1, pixdim=[1, -4, 4, 4, 1, 1, 1, 1])(folder)


def with_nan(folder: Path, scan: itm.Scan) -> Path:
    image = scan.image.copy()
    image[20, 24, 20:22], image[0, 0, 0] = np.nan, np.inf
    return saved(nib.Nifti1Image(image, scan.affine), folder / "s.nii.gz")


def thick(folder: Path, scan: itm.Scan) -> Path:
    """1 x 1 x 5 mm."""
    image = ndimage.zoom(scan.image, (4, 4, 0.8), order=0, grid_mode=True, mode="nearest")
    affine = scan.affine @ np.diag([0.25, 0.25, 1.25, 1])
    return saved(nib.Nifti1Image(image.astype(np.int16), affine), folder / "s.nii.gz")


def named_t1(folder: Path, scan: itm.Scan) -> Path:
    image = nib.Nifti1Image(scan.image.astype(np.int16), scan.affine)
    return saved(image, folder / "sub-01_T1w.nii.gz")


def looks_like_t2(folder: Path, scan: itm.Scan) -> Path:
    bright = np.where((scan.image > 0) & (scan.image < 300), 2500, scan.image)
    return saved(nib.Nifti1Image(bright.astype(np.int16), scan.affine), folder / "s.nii.gz")


ASSUMED = {
    "both codes zero": (no_codes, "states neither qform nor sform, so left and right are an ass"),
    "negative sizes": (negative_sizes, "states negative voxel sizes; their sign was dropped"),
    "NaN voxels": (with_nan, "has 3 voxels that are NaN or infinite: they were set to the backgr"),
    "thick slices": (thick, "has slices 5 mm thick: .*lesions thinner than a slice .* be missed"),
    "named T1": (named_t1, "is named as T1, but this model learnt FLAIR: expect nonsense"),
    "looks like T2": (looks_like_t2, "looks like T2 by its intensities, but this model learnt FL"),
}


@pytest.mark.parametrize(("make", "said"), ASSUMED.values(), ids=ASSUMED.keys())
def test_what_is_assumed_is_said_in_one_warning_and_stays_on_record(
    make: Callable[[Path, itm.Scan], Path],
    said: str,
    phantom: itm.Scan,
    small_model: itm.Model,
    desk: Path,
) -> None:
    file = make(desk, phantom)
    with pytest.warns(UserWarning, match=f"{re.escape(str(file))} {said}") as warned:
        run = through_python(file, small_model.weights.parent, desk / "python")
    assert len(warned) == 1
    assert run.mask.any()
    assert list(itm.load_run(desk / "python").record.notes) == [str(warned[0].message)]

    done = through_shell(file, small_model.weights.parent, desk / "shell")
    assert done.exit_code == 0, done.output
    assert done.stderr.split("\n")[0] == f"Warning: {warned[0].message}"
    assert done.stderr.count("Warning") == 1
    np.testing.assert_array_equal(itm.load_run(desk / "shell").mask, run.mask)


def test_a_4_d_file_with_one_volume_works_without_a_word(
    phantom: itm.Scan, scan_file: Path, small_model: itm.Model, desk: Path
) -> None:
    model = small_model.weights.parent
    file = one_volume(desk, phantom)
    run = through_python(file, model, desk / "python")
    np.testing.assert_array_equal(run.mask, through_python(scan_file, model, desk / "plain").mask)
    done = through_shell(file, model, desk / "shell")
    assert done.exit_code == 0, done.output
    assert "Warning" not in done.stderr
    np.testing.assert_array_equal(itm.load_run(desk / "shell").mask, run.mask)
