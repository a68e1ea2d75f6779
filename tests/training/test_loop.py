"""A training lowers the loss, resumes exactly, survives kills, and ends in a model with a card."""

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_itermask.models import load_model
from napari_itermask.training.devices import Options
from napari_itermask.training.learner import trainable
from napari_itermask.training.loop import train
from napari_itermask.training.prepared import prepare
from napari_itermask.training.samples import Samples
from napari_itermask.training.settings import TrainSettings, grid_named
from napari_itermask.training.sources import find_source, split
from napari_itermask.training.trouble import TrainingError, Watch
from napari_itermask.training.validation import hold, repaint_with, validate

from ..conftest import DATA
from .conftest import ON_CPU, TINY, write_pairs

T1 = DATA / "healthy-t1-2mm" / "train"


def losses(out):
    with (out / "training" / "losses.csv").open() as file:
        return [(int(r["step"]), float(r["loss"])) for r in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole(pairs, tmp_path_factory):
    """A training without interruption: its folder and what it said."""
    out, said = tmp_path_factory.mktemp("whole") / "model", []
    train(find_source(pairs, "flair"), TINY, out, ON_CPU, said.append)
    return out, said


def test_it_ends_in_a_model_with_card_record_and_curves(whole):
    out, said = whole
    model = load_model(out)
    assert model.card.modality == "flair"
    assert model.card.grid == TINY.grid
    assert [m.name[:12] for m in model.card.measured] == [
        "repaint erro",
        "the same, as",
        "AUROC of the",
    ]
    assert "healthy scans only" in model.card.limits[0]
    record = json.loads((out / "training.json").read_text())
    assert record["steps"] == 12
    assert len(record["learnt_from"]) == 3
    assert len(record["held_out"][0]["sha256"]) == 64
    assert record["versions"]["torch"] == torch.__version__
    assert TrainSettings.model_validate(record["settings"]) == TINY
    assert [step for step, _ in losses(out)] == list(range(1, 13))
    assert (out / "training" / "repaints.png").stat().st_size > 5000
    assert list((out / "training" / "tensorboard").glob("events*"))
    assert any("left" in line and "s a step" in line for line in said)


def test_a_signal_ends_the_step_saves_and_the_same_call_resumes_exactly(whole, pairs, tmp_path):
    def asks(text):
        if text.startswith("step"):
            os.kill(os.getpid(), signal.SIGTERM)

    source, out = find_source(pairs, "flair"), tmp_path / "model"
    before = signal.getsignal(signal.SIGTERM)
    done = train(source, TINY, out, ON_CPU, asks)
    assert (done.exit_code, done.model) == (75, None)
    assert 0 < done.step < TINY.steps
    assert signal.getsignal(signal.SIGTERM) == before
    said = []
    assert train(source, TINY, out, ON_CPU, said.append).model is not None
    assert f"resuming at step {done.step}" in said
    np.testing.assert_allclose(losses(out), losses(whole[0]), rtol=1e-4)


def test_plain_scans_are_learnt_from_too(scans, tmp_path):
    settings = TINY.replace(steps=3, validation=0)
    done = train(find_source(scans, "flair"), settings, tmp_path / "m", ON_CPU, lambda _: None)
    assert done.model is not None
    assert done.model.card.measured == ()
    assert any("nothing was measured" in limit for limit in done.model.card.limits)


def test_another_training_in_the_folder_is_refused_in_words(whole, pairs, scans, tmp_path):
    out, _ = whole
    source = find_source(pairs, "flair")
    for found, settings, words in (
        (source, TINY.replace(seed=1), r"other seed \(0, now 1\): repeat its line"),
        (find_source(scans, "flair"), TINY, "a training with other scans"),
    ):
        with pytest.raises(ValueError, match=words):
            train(found, settings, out, ON_CPU, lambda _: None)
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="is not empty and holds no training"):
        train(source, TINY, tmp_path, ON_CPU, lambda _: None)
    with pytest.raises(ValueError, match=r"--batch 2 cannot be shared by 3 devices"):
        train(source, TINY, tmp_path / "m", Options(device="cpu", devices=3), lambda _: None)


def test_begun_anew_it_forgets_the_earlier_training(pairs, tmp_path):
    source, out = find_source(pairs, "flair"), tmp_path / "m"
    train(source, TINY.replace(steps=2, validation=0), out, ON_CPU, lambda _: None)
    again = Options(device="cpu", precision="float32", resume=False)
    train(source, TINY.replace(steps=3, seed=5, validation=0), out, again, lambda _: None)
    assert [step for step, _ in losses(out)] == [1, 2, 3]


def test_a_loss_that_is_not_finite_ends_it_in_words(pairs, tmp_path):
    hot = TINY.replace(rate=1e30, warmup=0, steps=60, validation=0)
    with pytest.raises(TrainingError, match=r"lower --rate than 1e\+30"):
        train(find_source(pairs, "flair"), hot, tmp_path / "m", ON_CPU, lambda _: None)


def test_trouble_is_said_once_and_early():
    watch = Watch(rate=2e-3, scans=12)
    assert watch.losses([1.0] * 399) is None
    assert "has not fallen in 400 steps (1.000 at first" in (watch.losses([1.0] * 400) or "")
    assert watch.losses([1.0] * 500) is None
    assert Watch(2e-3, 12).losses([1.0] * 200 + [0.5] * 300) is None
    assert Watch(2e-3, 12, fresh=False).losses([1.0] * 500) is None
    assert watch.validations([1.0, 0.5, 0.6, 0.5, 0.6]) is None
    assert "12 scans may be learnt by heart" in (watch.validations([1, 0.5, 0.6, 0.7, 0.8]) or "")


def killed_until_done(source, settings, out, kills, rng, longest):
    """Kill trainings at random moments; then let one end. How often one was killed."""
    context = multiprocessing.get_context("forkserver")
    modules = ["torchio", "lightning_fabric", "tensorboard", "sklearn.metrics"]
    context.set_forkserver_preload(["napari_itermask.training.loop", *modules])
    options = Options(device="cpu", precision="float32", save_steps=5)
    killed = 0
    while True:
        process = context.Process(target=train, args=(source, settings, out, options))
        process.start()
        state = out / "training" / "losses.csv"
        deadline = time.monotonic() + 60
        while killed < kills and not state.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.join(rng.uniform(0, longest) if killed < kills else 120)
        if process.exitcode is None:
            process.kill()
            process.join()
            killed += 1
            continue
        assert process.exitcode == 0
        return killed


def check_curve(out, steps, reference):
    curve = losses(out)
    assert [step for step, _ in curve] == list(range(1, steps + 1))
    np.testing.assert_allclose(curve, reference, rtol=1e-3)
    assert load_model(out).network is not None
    assert not list((out / "training").glob(".state-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows forks no processes")
def test_killed_twice_at_random_moments_it_makes_the_same_steps(whole, pairs, tmp_path):
    out = tmp_path / "model"
    rng = np.random.default_rng()
    assert killed_until_done(find_source(pairs, "flair"), TINY, out, 2, rng, longest=0.6) <= 2
    check_curve(out, TINY.steps, losses(whole[0]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows forks no processes")
def test_killed_ten_times_at_random_moments_it_makes_the_same_steps(pairs, tmp_path):
    source, settings = find_source(pairs, "flair"), TINY.replace(steps=400)
    train(source, settings, tmp_path / "whole", ON_CPU, lambda _: None)
    rng = np.random.default_rng()
    killed = killed_until_done(source, settings, tmp_path / "model", 10, rng, longest=2.0)
    assert killed == 10
    check_curve(tmp_path / "model", 400, losses(tmp_path / "whole"))


@pytest.mark.skipif(sys.platform == "win32", reason="gloo's launcher is for POSIX")
def test_two_processes_learn_what_one_does(pairs, whole, tmp_path):
    command = Path(sys.executable).with_name("napari-itermask")
    words = [str(command), "train", str(pairs), "--modality", "flair", "--grid", "6mm"]
    words += ["--width", "2,2,2,2,2", "--steps", "12", "--warmup", "2", "--validation", "1"]
    words += ["--device", "cpu", "--precision", "float32"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, "--devices", "2", "--out", str(tmp_path / "two")],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "two" / "training.json").read_text())["devices"] == 2
    one, two = (np.array(losses(out))[:, 1] for out in (whole[0], tmp_path / "two"))
    assert len(two) == 12
    # Each process normalises its own half of a batch, so that only the course is the same.
    assert np.abs(two / one - 1).mean() < 0.15


def trained_against_untrained(folder, settings, out):
    """Validations on the scans held out: before, and after a training."""
    source = find_source(folder, settings.modality)
    done = train(source, settings, out, Options(device="cpu"), lambda _: None)
    assert done.model is not None
    learn, held_out = split(source.items, settings.validation, settings.seed)
    ready = [
        prepare(i, settings.grid, out / "training" / "prepared", None, print)
        for i in (learn, held_out)
    ]
    held = hold(ready[1], Samples(ready[0], settings))
    torch.manual_seed(settings.seed)
    fresh = trainable(settings.channels).eval()
    device = torch.device("cpu")
    before, _ = validate(repaint_with(fresh, device, torch.no_grad), *held)
    after, _ = validate(repaint_with(done.model.network, device, torch.no_grad), *held)
    return before, after


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """Twelve of the real T1 brains with labels; phantoms where the data is absent."""
    folder = tmp_path_factory.mktemp("twelve")
    if not T1.is_dir():
        return write_pairs(folder, 12)
    for path in sorted(T1.glob("*_t1.nii.gz"))[:12]:
        for file in (path, path.with_name(path.name.replace("_t1", "_labels"))):
            (folder / file.name).symlink_to(file)
    return folder


def test_twenty_seconds_teach_it_to_repaint_and_to_tell_spoilt_copies(twelve, tmp_path):
    settings = TrainSettings.of(
        "t1",
        grid=grid_named("4mm"),
        channels=(4, 8, 16, 32, 64),
        minutes=1 / 3,
        warmup=10,
        validation=3,
    )
    before, after = trained_against_untrained(twelve, settings, tmp_path / "m")
    assert after.repaint_error < 0.8 * before.repaint_error
    assert after.spike_auroc > before.spike_auroc


@pytest.mark.slow
def test_two_minutes_at_two_millimetres_teach_it_to_repaint(twelve, tmp_path):
    settings = TrainSettings.of("t1", minutes=2, warmup=10, validation=3)
    before, after = trained_against_untrained(twelve, settings, tmp_path / "m")
    assert after.repaint_error < 0.7 * before.repaint_error
    assert after.spike_auroc > before.spike_auroc


def test_the_published_grid_is_learnt_on(pairs, tmp_path):
    settings = TINY.replace(
        grid=grid_named("1mm"), steps=1, batch=1, uses=1, statistics=1, validation=0
    )
    source = find_source(pairs, "flair")
    done = train(source, settings, tmp_path / "m", ON_CPU, lambda _: None)
    assert done.model is not None
    assert done.model.card.grid.shape == (192, 192, 192)
    assert np.isfinite(losses(tmp_path / "m")[0][1])
