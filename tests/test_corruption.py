"""Does a corrupted scan survive the disk, and is it made again from its draw?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app
from napari_itermask.corruption import FILES
from napari_itermask.synthetic.effects import EFFECTS


def shell(*words: Any) -> Any:
    return CliRunner().invoke(app, ["corrupt", *(str(w) for w in words)])


def same(one: Path, other: Path) -> bool:
    return all((one / n).read_bytes() == (other / n).read_bytes() for n in FILES[:3])


def test_saved_and_loaded_it_is_the_same(tmp_path: Path, scan_file: Path) -> None:
    made = itm.corrupt(itm.load_scan(scan_file), "gaussian_noise", 2, seed=4)
    folder = itm.save_corrupted(made, tmp_path / "out")
    back = itm.load_corrupted(folder)
    np.testing.assert_array_equal(back.scan.image, made.scan.image)
    np.testing.assert_array_equal(back.scan.brain, made.scan.brain)
    np.testing.assert_array_equal(back.truth, made.truth)
    assert back.draw == made.draw
    assert (back.effect, back.severity, back.seed) == ("gaussian_noise", 2.0, 4)
    assert back.source == scan_file.resolve()
    assert {f.name for f in folder.iterdir()} == set(FILES)


def test_a_scan_in_memory_is_saved_too(tmp_path: Path, phantom: itm.Scan) -> None:
    folder = itm.save_corrupted(itm.corrupt(phantom, "blur"), tmp_path / "out")
    assert itm.load_corrupted(folder).source is None


def test_the_command_writes_four_files_in_the_scans_space(tmp_path: Path, scan_file: Path) -> None:
    out = tmp_path / "out"
    done = shell(scan_file, "--effect", "spike", "--severity", 2, "--seed", 1, "--out", out)
    assert done.exit_code == 0, done.output
    assert "spike, severity 2" in done.stdout
    image: Any = nib.load(out / "scan.nii.gz")
    np.testing.assert_allclose(image.affine, itm.load_scan(scan_file).affine)
    record = json.loads((out / "draw.json").read_text())
    assert record["draw"]["intensity"] == 8
    assert len(record["source"]["sha256"]) == 64
    assert record["versions"]["napari-itermask"]


def test_what_it_writes_can_be_refined(tmp_path: Path, scan_file: Path, small_model: Any) -> None:
    out = tmp_path / "out"
    shell(scan_file, "--effect", "ghosting", "--out", out)
    scan = itm.load_corrupted(out).scan
    run = itm.refine(scan, small_model, search=False)
    assert run.record.scan is not None
    assert Path(run.record.scan.path) == out / "scan.nii.gz"


def test_a_draw_given_back_makes_the_same_files_again(tmp_path: Path, scan_file: Path) -> None:
    first, second, third = (tmp_path / n for n in ("first", "second", "third"))
    shell(scan_file, "--effect", "zipper", "--severity", 1.5, "--seed", 3, "--out", first)
    done = shell("--draw", first / "draw.json", "--out", second)
    assert done.exit_code == 0, done.output
    assert same(first, second)
    done = shell(scan_file, "--draw", second, "--out", third)  # a folder, with the scan named
    assert done.exit_code == 0, done.output
    assert same(first, third)
    assert "Warning" not in done.stderr


def test_a_draw_takes_the_brain_mask_that_it_was_made_with(
    tmp_path: Path, scan_file: Path, brain_file: Path
) -> None:
    half = np.asarray(nib.load(brain_file).dataobj)  # type: ignore[attr-defined]
    half = np.where(np.arange(half.shape[0])[:, None, None] < 20, half, 0).astype(np.uint8)
    mask = tmp_path / "half.nii.gz"
    nib.save(nib.Nifti1Image(half, itm.load_scan(scan_file).affine), mask)  # type: ignore[no-untyped-call]
    first, second = tmp_path / "first", tmp_path / "second"
    shell(scan_file, "--brain-mask", mask, "--effect", "top_chunk", "--out", first)
    assert shell("--draw", first, "--out", second).exit_code == 0
    assert same(first, second)


def test_a_draw_on_another_scan_does_the_same_there_and_says_so(
    tmp_path: Path, scan_file: Path, phantom: itm.Scan
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shell(scan_file, "--effect", "cavity", "--out", first)
    other = tmp_path / "other.nii.gz"
    image = np.where(phantom.brain, phantom.image + 100, 0).astype(np.int16)
    nib.save(nib.Nifti1Image(image, phantom.affine), other)  # type: ignore[no-untyped-call]
    done = shell(other, "--draw", first / "draw.json", "--out", second)
    assert done.exit_code == 0, done.output
    assert "is not the scan that" in done.stderr
    assert itm.load_corrupted(second).draw == itm.load_corrupted(first).draw


def test_the_list_names_every_effect() -> None:
    text = shell("--list").stdout
    assert all(name in text for name in EFFECTS)
    listed = json.loads(shell("--list", "--json").stdout)
    assert [row["name"] for row in listed] == list(EFFECTS)


def test_json_says_where_and_how_much(tmp_path: Path, scan_file: Path) -> None:
    done = shell(scan_file, "--effect", "cavity", "--out", tmp_path / "out", "--json")
    about = json.loads(done.stdout)
    truth = itm.load_corrupted(tmp_path / "out").truth
    assert about["truth_voxels"] == np.count_nonzero(truth)
    assert about["truth_ml"] == pytest.approx(np.count_nonzero(truth) * 0.064)


def test_a_change_that_nobody_sees_is_said(tmp_path: Path, scan_file: Path) -> None:
    words = (scan_file, "--effect", "blur", "--severity", 0.01, "--out", tmp_path / "out")
    done = shell(*words)
    assert done.exit_code == 0
    assert "changed nothing visible in this brain: raise the severity" in done.stderr
    assert not itm.load_corrupted(tmp_path / "out").truth.any()


def test_without_out_the_folder_is_named_after_scan_and_effect(
    tmp_path: Path, scan_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell(scan_file, "--effect", "blur").exit_code == 0
    assert (tmp_path / "scan_blur" / "draw.json").is_file()


def test_results_are_only_replaced_when_asked(tmp_path: Path, scan_file: Path) -> None:
    out = tmp_path / "out"
    words = (scan_file, "--effect", "spike", "--out", out)
    assert shell(*words).exit_code == 0
    before = (out / "scan.nii.gz").read_bytes()
    done = shell(*words, "--severity", 3)
    assert done.exit_code == 2
    assert "holds results already" in done.stderr
    assert (out / "scan.nii.gz").read_bytes() == before
    assert shell(*words, "--severity", 3, "--overwrite").exit_code == 0
    assert (out / "scan.nii.gz").read_bytes() != before


def test_the_clean_scan_is_never_replaced(tmp_path: Path, scan_file: Path) -> None:
    before = scan_file.read_bytes()  # it is called scan.nii.gz, as the result would be
    done = shell(scan_file, "--effect", "spike", "--out", tmp_path, "--overwrite")
    assert done.exit_code == 2
    assert "would be replaced by a result" in done.stderr
    assert scan_file.read_bytes() == before


def four_d(folder: Path) -> Path:
    path = folder / "four.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8, 3), np.float32), np.eye(4)), path)  # type: ignore[no-untyped-call]
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{scan}", "--effect", "spike", "--severity", "nan"], "severity nan cannot be used"),
        (["{scan}", "--effect", "spike", "--severity", "-1"], "severity -1.0 cannot be used"),
        (["{scan}", "--effect", "spike", "--severity", "1e9"], "give a number from 0"),
        (["{scan}", "--effect", "spik"], "did you mean 'spike'?"),
        (["{scan}", "--effect", "spike", "--seed", "-4"], "seed -4 cannot be used"),
        (["{scan}"], "give a SCAN and an --effect"),
        (["--effect", "spike"], "give a SCAN and an --effect"),
        (["{four}", "--effect", "spike"], "holds several volumes"),
        (["missing.nii.gz", "--effect", "spike"], "does not exist"),
        (["--draw", "nowhere"], "holds no corrupted scan"),
        (["--draw", "{junk}"], "is not the draw of a corrupted scan"),
        (["--draw", "{junk}", "--effect", "spike"], "leave out --effect"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tmp_path: Path,
    scan_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    junk = tmp_path / "junk.json"
    junk.write_text('{"effect": 3}')
    names = {"scan": scan_file, "four": four_d(tmp_path), "junk": junk}
    before = set(tmp_path.iterdir())
    done = shell(*(word.format(**names) for word in words))
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert set(tmp_path.iterdir()) == before


def test_a_scan_that_changed_since_is_refused(tmp_path: Path, scan_file: Path) -> None:
    out = tmp_path / "out"
    shell(scan_file, "--effect", "spike", "--out", out)
    image: Any = nib.load(scan_file)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, ::-1], image.affine), scan_file)  # type: ignore[no-untyped-call]
    done = shell("--draw", out, "--out", tmp_path / "again")
    assert done.exit_code == 2
    assert "is no longer the file that" in done.stderr
    scan_file.unlink()
    assert "is gone" in shell("--draw", out, "--out", tmp_path / "again").stderr


def test_a_damaged_folder_is_refused(tmp_path: Path, scan_file: Path) -> None:
    out = tmp_path / "out"
    shell(scan_file, "--effect", "spike", "--out", out)
    (out / "truth.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"truth\.nii\.gz is missing"):
        itm.load_corrupted(out)
    with pytest.raises(ValueError, match="holds no corrupted scan"):
        itm.load_corrupted(tmp_path)
