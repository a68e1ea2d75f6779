"""The text that makes a run again makes the very same run, whatever its files are called."""

import shlex
import shutil
import subprocess

import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app
from napari_itermask.method import UNet3D
from napari_itermask.models import save_model
from napari_itermask.recipe import as_command, as_python
from napari_itermask.run import Recorder
from napari_itermask.synthetic.patient import sample_files

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)
NAMES = [
    "plain.nii.gz",
    "<img onerror=alert(1)>.nii.gz",
    "a; rm b.nii.gz",
    'it\'s "$HOME" `x`.nii.gz',
]


@pytest.fixture
def user_model(small_model, home):
    """The small model, in the user's own folder: it is known by its name."""
    folder = home / "models" / "small"
    shutil.copytree(small_model.weights.parent, folder)
    return itm.load_model("small")


def by_python(text):
    room = {}
    exec(compile(text, "recipe", "exec"), room)
    return room["run"]


def by_command(text, tmp_path):
    program, *words = shlex.split(text, comments=True)
    assert program == "napari-itermask"
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "again")])
    assert done.exit_code == 0, done.output
    return itm.load_run(tmp_path / "again")


def assert_made_again(run, tmp_path, folder=None):
    for again in (
        by_python(as_python(run.record, folder)),
        by_command(as_command(run.record, folder), tmp_path),
    ):
        np.testing.assert_array_equal(again.mask, run.mask)
        np.testing.assert_array_equal(again.error, run.error)
        assert again.settings == run.settings
    return as_python(run.record, folder), as_command(run.record, folder)


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_quoted(scan_file, user_model, tmp_path, name):
    path = tmp_path / name
    shutil.copy(scan_file, path)
    run = itm.refine(itm.load_scan(path), user_model, search=False)
    assert_made_again(run, tmp_path)
    shown = ["sh", "-c", f'set -- {as_command(run.record).strip()}; printf %s "$3"']
    done = subprocess.run(shown, capture_output=True, text=True, check=True)
    assert done.stdout == str(path)


def test_a_run_with_the_cards_settings_names_none(scan_file, user_model, tmp_path):
    run = itm.refine(itm.load_scan(scan_file), user_model)
    python, command = assert_made_again(run, tmp_path)
    assert "itm.load_model('small')" in python
    assert "settings" not in python
    assert command.startswith(f"napari-itermask refine {scan_file} --model small --device cpu")
    assert "search" not in python + command


def test_only_what_differs_from_the_card_is_named(scan_file, user_model, tmp_path):
    settings = user_model.card.settings.replace(manual_threshold=0.1 + 0.2, only_shrink=True)
    run = itm.refine(itm.load_scan(scan_file), user_model, settings, search=False)
    python, command = assert_made_again(run, tmp_path)
    assert (
        "model.card.settings.replace(manual_threshold=0.30000000000000004, only_shrink=True)"
        in python
    )
    assert "--manual-threshold 0.30000000000000004 --only-shrink" in command
    assert "--no-search" in command
    assert "gamma" not in python + command


def test_the_published_settings_are_named_where_that_is_shorter(scan_file, user_model, tmp_path):
    run = itm.refine(itm.load_scan(scan_file), user_model, itm.RefineSettings(seed=3))
    python, command = assert_made_again(run, tmp_path)
    assert "itm.RefineSettings(seed=3)" in python
    assert "--preset published --seed 3" in command


def test_a_setting_that_was_switched_off_is_off_again(scan_file, home, tmp_path):
    base = itm.RefineSettings(threshold_rule="manual", max_passes=2, intensity_floor=0.1)
    card = itm.ModelCard(
        name="floor",
        modality="flair",
        grid=itm.Grid(spacing=(6.0, 6.0, 6.0), shape=(32, 32, 32)),
        normalisation="flat-iqr",
        settings=base,
    )
    save_model(home / "models" / "floor", card, UNet3D(channels=(2, 2, 2, 2, 2)).state_dict())
    settings = base.replace(intensity_floor=None)
    run = itm.refine(itm.load_scan(scan_file), itm.load_model("floor"), settings, search=False)
    assert_made_again(run, tmp_path)


def test_a_brain_mask_is_named(scan_file, brain_file, user_model, tmp_path):
    run = itm.refine(itm.load_scan(scan_file, brain_file), user_model, search=False)
    python, command = assert_made_again(run, tmp_path)
    assert f"brain_mask='{brain_file}'" in python
    assert f"--brain-mask {brain_file}" in command


def test_a_skull_stripper_is_named(scan_file, user_model):
    run = itm.refine(itm.load_scan(scan_file), user_model, search=False)
    record = run.record.model_copy(update={"brain_source": "made by hd-bet"})
    assert "strip='hd-bet'" in as_python(record)
    assert "--strip hd-bet" in as_command(record)


def test_a_model_elsewhere_is_named_by_its_path(scan_file, small_model, tmp_path):
    run = itm.refine(itm.load_scan(scan_file), small_model, search=False)
    python, command = assert_made_again(run, tmp_path)
    assert str(small_model.weights.parent) in python
    assert str(small_model.weights.parent) in command


def test_the_embedded_model_is_named_by_its_name(tmp_path):
    scan = itm.load_scan(sample_files().flair)
    run = itm.refine(scan, itm.load_model("flair-2mm"), search=False)
    python, _ = assert_made_again(run, tmp_path)
    assert "itm.load_model('flair-2mm')" in python


def test_a_bare_checkpoint_is_named_with_what_it_does_not_say(scan_file, tmp_path):
    import torch

    torch.manual_seed(0)
    torch.save(UNet3D(channels=(2, 2, 2, 2, 2)).state_dict(), tmp_path / "net.pth")
    model = itm.load_model(tmp_path / "net.pth", modality="flair", normalisation="zscore")
    settings = itm.RefineSettings(threshold_rule="manual", max_passes=1)
    run = itm.refine(itm.load_scan(scan_file), model, settings, search=False)
    again = by_command(as_command(run.record), tmp_path)
    np.testing.assert_array_equal(again.error, run.error)
    python, command = as_python(run.record), as_command(run.record)
    assert "modality='flair', normalisation='zscore'" in python
    assert "--modality flair --normalise zscore" in command


def changed_on_the_way(scan, model):
    base = model.card.settings

    def steer(step):
        return base.replace(manual_threshold=0.3) if step.index == 0 else None

    return itm.refine(scan, model, on_step=steer, search=False)


def ended_early(scan, model):
    recorder = Recorder(scan, model)
    steps = recorder.steps()
    for _ in range(5):
        next(steps)
    steps.close()
    return recorder.finish()


def from_a_drawn_mask(scan, model):
    return itm.refine(scan, model, start=scan.image > 600, search=False)


def within_a_region(scan, model):
    return itm.refine(scan, model, within=scan.image > 400, search=False)


def with_another_card(scan, model):
    card = model.card.model_copy(update={"normalisation": "zscore"})
    return itm.refine(scan, itm.Model(card, model.weights), search=False)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (changed_on_the_way, "settings were changed"),
        (ended_early, "ended early"),
        (from_a_drawn_mask, "began from a drawn mask"),
        (within_a_region, "restricted to a drawn region"),
        (with_another_card, "has another card now"),
    ],
)
def test_what_words_cannot_tell_is_made_from_its_run_json(
    scan_file, user_model, tmp_path, make, why
):
    run = make(itm.load_scan(scan_file), user_model)
    for text in (as_python(run.record), as_command(run.record)):
        assert text.startswith("#")
        assert why in text
        assert "save it, then copy again" in text
        assert text.count("\n") == 1
    folder = run.save(tmp_path / "a run; of it's own")
    python, command = assert_made_again(run, tmp_path, folder)
    assert "itm.replay(" in python
    assert "run.json" in command


def test_a_run_of_what_lay_in_memory_says_so(phantom, small_model, tmp_path):
    run = itm.refine(phantom, small_model, search=False)
    folder = run.save(tmp_path / "out")
    for text in (as_python(run.record, folder), as_command(run.record, folder)):
        assert text == (
            "# This run cannot be made again from files: its scan or its model lay in memory.\n"
        )
