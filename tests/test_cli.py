"""The shell's door: help, exit codes, JSON, and an interruption that leaves no scraps."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app
from napari_itermask.run import Recorder
from napari_itermask.synthetic.patient import sample_files

FLAIR = str(sample_files().flair)


def shell(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


def command(*words):
    return [sys.executable, "-c", "from napari_itermask.cli import main; main()", *words]


def test_the_version_is_the_installed_one():
    assert shell("--version").stdout.strip() == version("napari-itermask")


def test_help_lists_every_command_and_says_research_only():
    text = shell("--help").output
    for word in ("demo", "refine", "sweep", "models", "info", "research"):
        assert word in text


def test_every_setting_is_an_option_with_its_price():
    text = " ".join(shell("refine", "--help").output.replace("│", " ").split())
    for name in itm.RefineSettings.model_fields:
        assert f"--{name.replace('_', '-')}"[:20] in text
    assert "a hundred passes" in text


def test_help_loads_neither_torch_nor_scipy():
    code = (
        "import sys\nfrom napari_itermask.cli import app\n"
        "try:\n    app(['refine', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "sys.exit(bool({'torch', 'scipy', 'nibabel', 'napari'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


def test_refine_writes_a_run_and_says_where(tmp_path, small_model):
    out = tmp_path / "out"
    done = shell(
        "refine", FLAIR, "--model", small_model.weights.parent, "--no-search", "--out", out
    )
    assert done.exit_code == 0, done.output
    assert str(out / "mask.nii.gz") in done.stdout.replace("\n", "")
    assert itm.load_run(out).record.scan.path == FLAIR


def test_settings_given_as_options_are_the_runs_settings(tmp_path, small_model):
    done = shell(
        *("refine", FLAIR, "--model", small_model.weights.parent, "--no-search"),
        *("--out", tmp_path / "out", "--preset", "published", "--threshold-rule", "manual"),
        *("--manual-threshold", "0.25", "--seed", "7", "--only-shrink", "--sign", "brighter"),
    )
    assert done.exit_code == 0, done.output
    expected = itm.RefineSettings(
        threshold_rule="manual", manual_threshold=0.25, seed=7, only_shrink=True, sign="brighter"
    )
    assert itm.load_run(tmp_path / "out").settings == expected


def test_a_saved_run_is_made_again_from_its_json(tmp_path, small_model):
    first, second = tmp_path / "first", tmp_path / "second"
    shell("refine", FLAIR, "--model", small_model.weights.parent, "--no-search", "--out", first)
    done = shell("refine", first / "run.json", "--out", second)
    assert done.exit_code == 0, done.output
    assert (itm.load_run(first).mask == itm.load_run(second).mask).all()


def saved(mask, affine, path):
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), path)
    return path


def test_a_start_on_the_scan_and_bounds_on_the_grid_are_taken(tmp_path, scan_file, small_model):
    scan = itm.load_scan(scan_file)
    grid = Recorder(scan, small_model).on_grid
    half = np.zeros(grid.brain.shape, bool)
    half[:, 16:] = True
    start = saved(scan.image > 600, scan.affine, tmp_path / "start.nii.gz")
    within = saved(half, grid.placement.affine, tmp_path / "within.nii.gz")
    words = ["refine", scan_file, "--model", small_model.weights.parent, "--no-search"]
    done = shell(*words, "--start", start, "--within", within, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    expected = itm.refine(
        scan,
        small_model,
        start=grid.placement.mask_to_grid(scan.image > 600),
        within=half,
        masks_on="grid",
        search=False,
    )
    run = itm.load_run(tmp_path / "out")
    np.testing.assert_array_equal(run.within, half)
    np.testing.assert_array_equal(run.error, expected.error)
    again = shell("refine", tmp_path / "out" / "run.json", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    np.testing.assert_array_equal(itm.load_run(tmp_path / "again").error, expected.error)


@pytest.mark.parametrize("option", ["--start", "--within"])
def test_a_mask_that_lies_on_neither_scan_nor_grid_is_refused(
    tmp_path, scan_file, small_model, option
):
    small = saved(np.eye(5)[None].repeat(5, 0), np.eye(4), tmp_path / "small.nii.gz")
    words = ["refine", scan_file, "--model", small_model.weights.parent]
    done = shell(*words, option, small, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert f"{small} has the shape (5, 5, 5)" in done.stderr
    assert "give the mask drawn on this scan" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_that_goes_in_is_never_replaced_by_a_result(tmp_path, scan_file, small_model):
    scan = itm.load_scan(scan_file)
    start = saved(scan.image > 600, scan.affine, tmp_path / "start.nii.gz")
    before = start.read_bytes()
    words = ["refine", scan_file, "--model", small_model.weights.parent, "--start", start]
    done = shell(*words, "--out", tmp_path, "--overwrite")
    assert done.exit_code == 2
    assert "would be replaced by a result: choose another output folder" in done.stderr
    assert start.read_bytes() == before


def test_a_run_json_takes_no_settings(tmp_path, small_model):
    (tmp_path / "run.json").write_text("{}")
    done = shell("refine", tmp_path / "run.json", "--gamma", "0.1", "--strip", "hd-bet")
    assert done.exit_code == 2
    assert "makes its run again as it was: leave out --strip, --gamma" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["refine", FLAIR, "--gamma", "-1"], "--gamma -1.0: Input should be greater than 0"),
        (["refine", FLAIR, "--model", "no-such"], "there is no model 'no-such'"),
        (["refine", FLAIR, "--device", "warp"], "device 'warp' cannot be used here"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = shell(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.nii.gz"))


def test_a_word_that_is_no_option_is_exit_code_2():
    assert shell("refine", FLAIR, "--gama", "1").exit_code == 2


def test_models_lists_the_embedded_one_and_prints_its_card():
    assert "flair-2mm" in shell("models").stdout
    assert "For research only" in shell("models", "flair-2mm").stdout
    assert json.loads(shell("models", "--json").stdout)[0]["name"] == "flair-2mm"


def test_info_says_what_the_machine_offers():
    facts = json.loads(shell("info", "--json").stdout)
    for key in ("napari-itermask", "torch", "device", "precision", "cpu features", "models"):
        assert key in facts


def test_the_demo_works_without_a_screen(tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        command("demo", "--out", str(tmp_path)),
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Dice" in done.stdout
    assert str(tmp_path) in done.stdout
    names = {f.name for f in tmp_path.iterdir()}
    wanted = {"mask.nii.gz", "reconstruction.nii.gz", "error.nii.gz", "run.json", "overview.png"}
    assert names == wanted
    assert itm.load_run(tmp_path).curve is not None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_no_half_written_file(tmp_path):
    out = tmp_path / "out"
    # What a shell starts in the background ignores SIGINT, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command("refine", FLAIR, "--out", str(out)), stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # the folder is claimed just before the first pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert not any(out.iterdir())
