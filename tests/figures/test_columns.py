"""Each column shows what its name says, in one range for all rows."""

import numpy as np
import pytest

from napari_itermask.figures.columns import (
    Column,
    default_columns,
    parse_columns,
    parse_ranges,
    picture,
    ranges,
)
from napari_itermask.figures.contours import agreement
from napari_itermask.figures.opening import open_runs
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.slices import Slice
from napari_itermask.figures.style import FigureError


def test_columns_are_read_by_name():
    assert parse_columns("input, mask@5,search@20,mask") == (
        Column("input"),
        Column("mask", "refine", 5),
        Column("mask", "search", 20),
        Column("mask"),
    )


@pytest.mark.parametrize("text", ["inptu", "mask@", "error@3", "search@0", "mask@-1", " , "])
def test_other_columns_are_refused(text):
    with pytest.raises(FigureError, match="column"):
        parse_columns(text)


@pytest.mark.parametrize("text", ["error", "error=2,1", "mask=0,1", "error=a,b", "error=0,nan"])
def test_a_range_is_two_rising_numbers_of_a_map(text):
    with pytest.raises(FigureError, match="two rising numbers"):
        parse_ranges([text])


def test_a_truth_brings_its_own_columns(saved):
    (plain,) = open_runs([str(saved.sample)])
    (known,) = open_runs([str(saved.sample)], [str(saved.sample_truth)])
    names = [c.name for c in default_columns([known])]
    assert [c.name for c in default_columns([plain])] == names[:4]
    assert names[4:] == ["truth", "agreement"]
    empty = picture(plain, Column("agreement"), ranges([plain], [], {}))
    assert (empty.note, empty.outlines) == ("no truth", ())


def test_hits_misses_and_false_alarms_part_mask_and_truth(sample):
    truth = np.roll(sample.mask, 2, 1)
    found = {o.pen.name: o.mask for o in agreement(sample.mask, truth)}
    assert (found["hit"] | found["miss"]).sum() == truth.sum()
    assert (found["hit"] | found["false alarm"]).sum() == sample.mask.sum()
    assert not (found["miss"] & sample.mask).any()
    assert len({o.pen.colour for o in agreement(truth, truth)}) == 3
    assert len({o.pen.style for o in agreement(truth, truth)}) == 3


def test_all_rows_of_a_column_have_one_range(saved):
    shown = open_runs([str(saved.sample), str(saved.searched), str(saved.phantom)])
    columns = parse_columns("input,guide,error,reconstruction")
    found = ranges(shown, columns, {})
    for name in ("guide", "error"):
        assert {picture(s, Column(name), found).limits for s in shown} == {found[name].limits}
    # Two scans have no common unit of intensity: each is shown from its own percentiles.
    assert found["input"].limits is None
    for one in shown:
        low, high = np.percentile(one.image[one.brain], [1, 99.8])
        assert picture(one, Column("input"), found).limits == pytest.approx((low, high))
    given = ranges(shown, columns, {"error": (0.0, 3.0), "input": (10.0, 90.0)})
    limits = [picture(shown[0], Column(n), given).limits for n in ("error", "input", "mask")]
    assert limits == [(0.0, 3.0), (10.0, 90.0), (10.0, 90.0)]


def test_the_mask_of_a_pass_is_shown(saved):
    (one,) = open_runs([str(saved.searched)])
    view, index = one.view("neurological"), 40
    records = one.run.record.passes
    last = sum(p.phase == "refine" for p in records)

    def shown(text):
        what = picture(one, parse_columns(text)[0], ranges([one], [], {}))
        return what.note, view.cut(what.outlines[0].mask, "axial", index).pixels

    at = view.cut(one.run.mask, "axial", index).pixels
    inside = view.cut(one.brain, "axial", index).pixels
    assert np.array_equal(shown(f"mask@{last}")[1] & inside, at)
    assert shown("mask@0")[1].sum() > 0.9 * inside.sum()
    assert shown("search@1")[1].sum() > shown("search@60")[1].sum()
    note, mask = shown("mask@99")
    assert note == f"ended at {last}"
    assert np.array_equal(mask, shown(f"mask@{last}")[1])


def test_a_run_without_its_passes_says_so(saved):
    (one,) = open_runs([str(saved.without_passes)])
    with pytest.raises(FigureError, match="saved without its passes"):
        picture(one, Column("mask", "refine", 1), ranges([one], [], {}))


def test_a_run_that_made_no_search_says_so(saved):
    (one,) = open_runs([str(saved.sample)])
    with pytest.raises(FigureError, match="no pass of the threshold search"):
        one.mask_at("search", 5)


def test_a_run_in_memory_and_one_of_a_folder_show_the_same(sample, saved):
    memory, (loaded,) = Shown.of(sample), open_runs([str(saved.sample)])
    np.testing.assert_array_equal(memory.brain, loaded.brain)
    np.testing.assert_array_equal(memory.image, loaded.image)
    np.testing.assert_array_equal(memory.on_grid.guide, loaded.on_grid.guide)
    index = memory.view("neurological").index(Slice("axial"), "", sample.mask)
    assert index == loaded.view("neurological").index(Slice("axial"), "", sample.mask)
