"""Training lowers the loss, resumes where it was killed, and ends in a network of the method."""

import csv

import numpy as np
import pytest
import torch

from napari_itermask.method.network import network_from_state
from napari_itermask.training.calibration import choose_rule, make_trials, merit, settle_factor
from napari_itermask.training.flair_data import Brain, load_brains, samples
from napari_itermask.training.loop import CHECKPOINT, TrainingPlan, inference_network, train

PLAN = TrainingPlan(channels=(4, 4, 4, 4, 4), steps=30, warmup=2, statistics=4)
SHAPE, SPACING = (48, 48, 48), (2.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def brains():
    grid = np.stack(np.meshgrid(*[np.arange(-13, 14)] * 3, indexing="ij"))
    out = []
    for i in range(2):
        radius = np.sqrt(((grid * np.array([1, 1, 1 + 0.1 * i]).reshape(3, 1, 1, 1)) ** 2).sum(0))
        rings = [radius < 3, radius < 9, radius < 12, radius < 13]
        labels = np.select(rings, [51, 81, 142, 1], 0).astype(np.uint8)
        rng = np.random.default_rng(i)
        t1 = np.select(rings, [40.0, 180, 110, 50], 0) + rng.normal(0, 5, radius.shape) * (
            labels > 0
        )
        out.append(Brain(f"phantom{i}", t1.astype(np.float32), labels))
    return out


@pytest.fixture
def stream(brains):
    return lambda rng: samples(brains, rng, SHAPE, SPACING, "flat-iqr", 15 / 192)


def logged(folder):
    with (folder / "training.csv").open() as file:
        return [(int(r["step"]), float(r["loss"])) for r in csv.DictReader(file)]


def test_it_learns_and_ends_in_a_network_of_the_method(stream, tmp_path):
    network = inference_network(train(stream, PLAN, tmp_path, every=10))
    losses = [loss for _, loss in logged(tmp_path)]
    assert losses[-1] < losses[0]
    again = network_from_state(network.state_dict())
    x = torch.randn(1, 2, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(again(x), network(x))


def test_it_resumes_from_its_last_checkpoint(stream, tmp_path):
    class KilledError(Exception):
        pass

    def kill(step, loss, left):
        if step == 20:
            raise KilledError

    with pytest.raises(KilledError):
        train(stream, PLAN, tmp_path, kill, every=10)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 10
    train(stream, PLAN, tmp_path, every=10)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 30
    assert not list(tmp_path.glob("*.part"))


def test_the_target_is_healthy_where_the_image_has_a_lesion(brains):
    drawn = samples(
        brains, np.random.default_rng(0), SHAPE, SPACING, "flat-iqr", 15 / 192, lesions=1.0
    )
    hidden = []
    for _ in range(12):
        sample = next(drawn)
        shown = sample.brain & (sample.weight < 1)
        if shown.any():
            hidden.append(np.abs(sample.inputs[0] - sample.target)[shown].max())
    assert max(hidden) > 1


def test_a_loss_that_is_not_finite_is_said_in_words(stream, tmp_path):
    hot = TrainingPlan(channels=(4, 4, 4, 4, 4), steps=30, warmup=1, rate=1e30)
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        train(stream, hot, tmp_path)


def test_a_folder_without_brains_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no \*_t1\.nii\.gz"):
        load_brains(tmp_path)


def test_calibration_finds_a_threshold_that_keeps_lesions_and_spares_healthy_brains(brains):
    from napari_itermask.method.settings import RefineSettings
    from napari_itermask.training.calibration import flair_like

    rng = np.random.default_rng(0)
    healthy = list(flair_like(brains, rng, SHAPE, each=4))
    clean = iter([image for image, _ in healthy])

    # A reconstructor that is right everywhere but for noise: it repaints the mean of the brain.
    def mean_brain(masked, guide):
        return np.zeros_like(masked)

    trials = list(make_trials(healthy, mean_brain, rng, SPACING, "flat-iqr", 15 / 192))
    assert sum(not t.lesion.any() for t in trials) >= 2
    tried = [RefineSettings(sign="brighter", smoothing=2.0)]
    value, settings, rule = choose_rule(trials, tried, SPACING)[0]
    assert value > 0.2
    settled, merits = settle_factor(trials, mean_brain, settings, rule, SPACING, (0.5, 1.0, 2.0))
    assert merits[settled.factor] == max(merits.values())
    assert next(clean).shape == SHAPE


def test_merit_is_dice_with_a_lesion_and_emptiness_without():
    lesion = np.zeros((10, 10, 10), bool)
    mask = lesion.copy()
    mask[:5] = True
    assert merit(lesion, lesion, 0.008) == 1
    assert merit(mask, lesion, 0.01) == pytest.approx(np.exp(-1))
    assert merit(mask, mask, 0.01) == 1
