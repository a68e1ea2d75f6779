"""Learning on from a model's weights, and what a noise-free target asks for."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch

from napari_itermask.method.network import UNet3D
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import load_model, save_model
from napari_itermask.training.devices import Options, launched
from napari_itermask.training.learner import Learner, trainable
from napari_itermask.training.loop import train
from napari_itermask.training.prepared import prepare
from napari_itermask.training.samples import Samples
from napari_itermask.training.sources import find_source

from .conftest import ON_CPU, TINY


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with slopes of its own."""
    torch.manual_seed(3)
    network = UNet3D(TINY.channels)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("A.weight"):
                value.fill_(0.1)
    folder = tmp_path_factory.mktemp("models") / "first"
    card = ModelCard(
        name="first", modality="flair", grid=TINY.grid, normalisation="zscore", cutoff=0.05
    )
    save_model(folder, card, network.state_dict(), half=False)
    return load_model(folder)


def test_a_network_to_train_computes_what_the_model_does(model):
    torch.manual_seed(0)
    x = torch.randn(1, 2, 32, 32, 32)
    learning = trainable(TINY.channels)
    learning.load_state_dict(model.network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(learning.eval()(x), model.network(x), rtol=1e-4, atol=1e-5)


def test_training_starts_from_the_weights_of_a_model_and_says_so(model, pairs, tmp_path):
    learner = Learner(launched(ON_CPU, TINY), TINY, model.network.state_dict())
    for name, value in model.network.named_parameters():
        if not name.endswith("A.weight"):
            torch.testing.assert_close(learner.network.state_dict()[name], value)
    settings = TINY.replace(start="first (0123)", steps=2, validation=0)
    options = Options(device="cpu", precision="float32", start=model)
    done = train(find_source(pairs, "flair"), settings, tmp_path / "m", options, lambda _: None)
    assert "From the weights of first (0123)" in done.model.card.training


def test_a_model_of_another_width_is_no_start(model, pairs, tmp_path):
    options = Options(device="cpu", start=model)
    wide = TINY.replace(channels=(4, 4, 4, 4, 4))
    with pytest.raises(ValueError, match=r"first has 2, 2, 2, 2, 2 channels.*--width 2,2,2,2,2"):
        train(find_source(pairs, "flair"), wide, tmp_path / "m", options, lambda _: None)


def test_a_noise_free_target_lacks_the_noise_that_image_and_guide_show(pairs, tmp_path):
    items = find_source(pairs, "t1").items
    scans = prepare(items, TINY.grid, tmp_path, None, print)
    left = {}
    for noise_free in (False, True):
        samples = Samples(scans, TINY.replace(noise_free=noise_free, lesions=0.0, whole=0.0))
        ((sample,),) = samples.block(0, [0], uses=1)
        shown = sample.brain & (sample.weight < 1)
        left[noise_free] = np.std((sample.inputs[0] - sample.target)[shown])
    assert left[False] == 0
    assert left[True] > 0.005


def test_workers_end_with_a_training_that_is_killed(tmp_path):
    code = (
        "import sys, time; from multiprocessing import get_context\n"
        "from napari_itermask.training.batches import _begin, _pool\n"
        "if __name__ == '__main__':\n"
        "    pool, _ = _pool(None, 1)\n"
        "    print(pool.submit(__import__('os').getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = tmp_path / "killed.py"
    script.write_text(code)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker outlived the training"
        time.sleep(0.05)
