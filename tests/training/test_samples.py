"""A sample depends on seed, step and slot alone; images vary, targets stay healthy."""

import numpy as np
import pytest

from napari_itermask.training.augment import augment, draw_augment
from napari_itermask.training.batches import Blocks, draw_ahead
from napari_itermask.training.prepared import prepare
from napari_itermask.training.samples import Samples
from napari_itermask.training.sources import find_source

from .conftest import TINY, head


@pytest.fixture(scope="module")
def of_pairs(pairs, tmp_path_factory):
    items = find_source(pairs, "flair").items
    return prepare(items, TINY.grid, tmp_path_factory.mktemp("prepared"), None, print)


def taken(samples, slots, first, count, workers=0):
    batches = draw_ahead(Blocks(samples, slots), TINY, first, workers)
    try:
        return [next(batches)[0].numpy() for _ in range(count)]
    finally:
        batches.close()


def test_a_step_sees_the_same_samples_wherever_the_training_began_or_runs(of_pairs):
    samples = Samples(of_pairs, TINY)
    whole = taken(samples, range(2), 0, 5)
    np.testing.assert_array_equal(taken(samples, range(2), 3, 2), whole[3:])
    for slot in range(2):
        np.testing.assert_array_equal(
            np.stack(taken(samples, [slot], 0, 4))[:, 0], np.stack(whole[:4])[:, slot]
        )
    assert len({x.tobytes() for x in whole}) == 5


def test_worker_processes_draw_what_the_thread_draws(of_pairs):
    samples = Samples(of_pairs, TINY)
    one = taken(samples, [0], 1, 2, workers=1)
    np.testing.assert_array_equal(one, taken(samples, [0], 1, 2))


def test_every_scan_comes_up_once_a_round_in_another_order(of_pairs):
    samples = Samples(of_pairs, TINY)
    rounds = [[samples._scan(r * 4 + i, 0).item.name for i in range(4)] for r in range(6)]
    assert all(len(set(names)) == 4 for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1


def test_the_target_is_healthy_where_the_image_has_a_lesion(of_pairs):
    samples = Samples(of_pairs, TINY.replace(lesions=1.0, whole=0.0))
    most = []
    for number in range(4):
        for (sample,) in samples.block(number, [0]):
            shown = sample.brain & (sample.weight < 1)
            most.append(np.abs(sample.inputs[0] - sample.target)[shown].max())
            outside = ~sample.brain
            np.testing.assert_array_equal(sample.inputs[0][outside], sample.target[outside])
    assert max(most) > 1


def test_a_plain_scan_is_posed_blurred_and_lit_anew_within_its_brain():
    labels, texture = head(0, 6.0)
    brain = labels > 0
    image = np.where(brain, 300 + 30 * texture, 0).astype(np.float32)
    rng = np.random.default_rng(0)
    copies = []
    for _ in range(4):
        draw = draw_augment(rng, "flair", (6.0, 6.0, 6.0))
        copy, moved = augment(image, brain, draw, (6.0, 6.0, 6.0))
        again, _ = augment(image, brain, draw, (6.0, 6.0, 6.0))
        np.testing.assert_array_equal(copy, again)
        assert (copy[~moved] == 0).all()
        assert 0.7 < moved.sum() / brain.sum() < 1.4
        # The dark outside does not bleed in: the rim is about as bright as the middle.
        rim = moved & ~np.roll(moved, 1, 1)
        assert np.median(copy[rim]) > 0.5 * np.median(copy[moved])
        copies.append(copy.tobytes())
    assert len(set(copies)) == 4
