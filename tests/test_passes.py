"""Every pass stays reachable: masks exactly, maps within a budget, thinned or spilled beyond it."""

import threading

import numpy as np
import pytest

from napari_itermask.method import Search, Step
from napari_itermask.method.steps import pack
from napari_itermask.passes import Passes

SHAPE = (12, 10, 8)
BRAIN = np.zeros(SHAPE, bool)
BRAIN[2:10, 1:9, 2:7] = True
ONE = 4 * np.count_nonzero(BRAIN)  # bytes of one pass's maps
SEARCH = 100


def step(position, search=None):
    """The pass at ``position`` of a run of a hundred search passes and some of refinement."""
    rng = np.random.default_rng(position)
    found = position < SEARCH
    return Step(
        phase="search" if found else "refine",
        index=position,
        number=position + 1 if found else position - SEARCH + 1,
        threshold=position / 7,
        masked=BRAIN if position in (0, SEARCH) else step_mask(position - 1),
        mask=step_mask(position),
        reconstruction=np.where(BRAIN, rng.normal(size=SHAPE), -6.0).astype(np.float32),
        error=(BRAIN * rng.random(SHAPE)).astype(np.float32),
        search=search,
    )


def step_mask(position):
    return BRAIN & (np.random.default_rng(1000 + position).random(SHAPE) > 0.5)


def filled(count, **more):
    passes = Passes(BRAIN, **more)
    search = Search(BRAIN, [i / 7 for i in range(SEARCH)], calibrated=1.5)
    search.packed = [pack(step_mask(i), BRAIN) for i in range(SEARCH)]
    for position in range(count):
        passes.add(step(position, search if position >= SEARCH - 1 else None))
    return passes


def kept_maps(passes):
    return [i for i in range(len(passes)) if passes.has_maps(i)]


def test_every_mask_comes_back_exactly():
    passes = filled(105)
    assert len(passes) == 105
    for i in range(105):
        given, got = step(i), passes.step(i)
        for name in ("phase", "index", "number", "threshold"):
            assert getattr(got, name) == getattr(given, name)
        np.testing.assert_array_equal(got.masked, given.masked)
        np.testing.assert_array_equal(got.mask, given.mask)
        np.testing.assert_array_equal(passes.mask(i), given.mask)
        np.testing.assert_array_equal(passes.masked(i), given.masked)
    np.testing.assert_array_equal(passes.mask(-1), step(104).mask)
    assert passes.step(98).search is None
    assert passes.step(100).search is passes.search
    with pytest.raises(IndexError):
        passes.step(105)


def test_maps_within_the_budget_come_back_as_half_floats():
    passes = filled(20, maps_budget=20 * ONE)
    assert kept_maps(passes) == list(range(20))
    for i in (0, 7, 19):
        np.testing.assert_allclose(passes.step(i).reconstruction, step(i).reconstruction, rtol=1e-3)
        np.testing.assert_allclose(passes.step(i).error, step(i).error, rtol=1e-3, atol=1e-6)
    assert not passes.step(3).error[~BRAIN].any()


def test_a_rebuilt_step_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        filled(1, maps_budget=ONE).step(0).error[0, 0, 0] = 1


def test_an_error_beyond_half_floats_stays_finite():
    passes = Passes(BRAIN, ONE)
    first = step(0)
    huge = np.where(BRAIN, np.float32(1e9), 0).astype(np.float32)
    passes.add(Step("search", 0, 1, 1.0, first.masked, first.mask, first.reconstruction, huge))
    assert passes.step(0).error[BRAIN].min() > 60_000
    assert np.isfinite(passes.step(0).error).all()


def test_an_error_rounded_to_a_half_float_stays_on_its_side_of_the_threshold():
    first = step(0)
    limit = 0.3
    close = np.nextafter(np.float32(limit), np.where(BRAIN, 1, 0), dtype=np.float32)
    for error in (close, np.where(BRAIN, np.float32(limit), 0).astype(np.float32)):
        passes = Passes(BRAIN, ONE)
        mask = error > limit
        passes.add(Step("search", 0, 1, limit, BRAIN, mask, first.reconstruction, error))
        np.testing.assert_array_equal(passes.step(0).error > limit, mask)
        np.testing.assert_allclose(passes.step(0).error[BRAIN], limit, rtol=1e-3)


def test_single_voxels_are_read_without_the_whole_volume():
    passes = filled(12, maps_budget=6 * ONE)
    some = np.array([[2, 1, 2], [5, 4, 3], [0, 0, 0], [9, 8, 6], [12, 0, 0], [5, -1, 3]])
    rows = passes.rows(some)
    assert (rows < 0).tolist() == [False, False, True, False, True, True]
    everywhere = np.argwhere(BRAIN)
    np.testing.assert_array_equal(passes.rows(everywhere), np.arange(len(everywhere)))
    inside, at = rows[rows >= 0], tuple(some[rows >= 0].T)
    for i in range(12):
        whole = passes.step(i)
        before, after = passes.masks_at(i, inside)
        np.testing.assert_array_equal(before, whole.masked[at])
        np.testing.assert_array_equal(after, whole.mask[at])
        maps = passes.maps(i)
        assert (maps is not None) == passes.has_maps(i)
        if maps is not None:
            np.testing.assert_array_equal(maps[0, inside], whole.reconstruction[at])
            np.testing.assert_array_equal(maps[1, inside], whole.error[at])


def test_beyond_the_budget_maps_are_thinned_evenly_and_memory_stays_within_it():
    passes = Passes(BRAIN, 16 * ONE)
    masks_only = Passes(BRAIN)
    for i in range(110):
        passes.add(step(i))
        masks_only.add(step(i))
        assert passes.bytes_in_memory - masks_only.bytes_in_memory <= 16 * ONE
        assert passes.has_maps(0)
        assert passes.has_maps(i)
    kept = kept_maps(passes)
    assert {0, SEARCH, 109} <= set(kept)  # the first of each phase, the newest
    assert max(np.diff(kept)) <= 16
    assert len(kept) > 8


def test_a_thinned_pass_shows_the_maps_of_its_nearest_and_its_own_masks():
    passes = filled(64, maps_budget=10 * ONE)
    lost = next(i for i in range(64) if not passes.has_maps(i))
    near = passes.position_of_maps(lost)
    assert near != lost
    assert abs(near - lost) == min(abs(i - lost) for i in kept_maps(passes))
    np.testing.assert_array_equal(passes.step(lost).error, passes.step(near).error)
    np.testing.assert_array_equal(passes.step(lost).mask, step(lost).mask)


def test_a_budget_for_less_than_one_pass_keeps_masks_only():
    passes = filled(5, maps_budget=ONE - 1)
    assert kept_maps(passes) == []
    assert passes.position_of_maps(3) is None
    assert not passes.step(3).error.any()
    np.testing.assert_array_equal(passes.step(3).mask, step(3).mask)


def test_beyond_the_budget_maps_lie_on_disk_and_all_stay(tmp_path):
    pytest.importorskip("zarr", minversion="3")
    passes = filled(110, maps_budget=10 * ONE, spill=tmp_path / "spill")
    assert kept_maps(passes) == list(range(110))
    assert passes.bytes_on_disk == 100 * ONE
    for i in (0, 9, 10, 57, 109):
        np.testing.assert_allclose(passes.step(i).error, step(i).error, rtol=1e-3, atol=1e-6)
    passes.close()
    assert list((tmp_path / "spill").iterdir()) == []
    assert passes.bytes_on_disk == 0
    assert kept_maps(passes) == list(range(10))
    np.testing.assert_array_equal(passes.mask(57), step(57).mask)


def test_where_the_disk_refuses_maps_are_thinned(tmp_path):
    (tmp_path / "file").write_text("in the way")
    passes = filled(40, maps_budget=10 * ONE, spill=tmp_path / "file")
    assert passes.bytes_on_disk == 0
    assert 0 < len(kept_maps(passes)) <= 10


def test_the_search_alone_can_be_taken_over_and_outlives_its_run(tmp_path):
    pytest.importorskip("zarr", minversion="3")
    first = filled(104, maps_budget=20 * ONE, spill=tmp_path)
    second = first.search_only()
    assert len(second) == SEARCH
    assert second.search is first.search
    second.add(step(SEARCH, first.search))
    assert len(first) == 104
    assert second.bytes_in_memory < 1.1 * first.bytes_in_memory
    first.close()
    np.testing.assert_allclose(second.step(60).error, step(60).error, rtol=1e-3, atol=1e-6)
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_passes_written_as_arrays_are_read_again_with_their_search():
    passes = filled(104)
    again = Passes.from_arrays(passes.to_arrays(), calibrated=1.5)
    for i in range(104):
        np.testing.assert_array_equal(again.step(i).mask, passes.step(i).mask)
        np.testing.assert_array_equal(again.step(i).masked, passes.step(i).masked)
        assert again.step(i).threshold == passes.step(i).threshold
    assert again.search.calibrated == 1.5
    np.testing.assert_array_equal(again.search.curve.thresholds, passes.search.curve.thresholds)
    np.testing.assert_array_equal(again.search.mask(40), step_mask(40))
    assert Passes.from_arrays(filled(50).to_arrays()).search is None


def test_one_thread_reads_while_another_writes(tmp_path):
    passes = Passes(BRAIN, 12 * ONE, tmp_path)
    wrong, seen, over = [], [], threading.Event()

    def read():
        rng = np.random.default_rng(0)
        while not over.is_set():
            if len(passes):
                i = int(rng.integers(len(passes)))
                got = passes.step(i)
                seen.append(i)
                if got.index != i or not np.array_equal(got.mask, step_mask(i)):
                    wrong.append(i)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(120):
        passes.add(step(i))
    over.set()
    reader.join()
    passes.close()
    assert seen
    assert not wrong
