"""Every miss and false alarm is found, measured in the scan's space, and given its reason.

Each reason stands on a case that was made to produce it, with a real run.
"""

import csv
import time
from dataclasses import replace

import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy import ndimage

import napari_itermask as itm
from napari_itermask.inspection.components import COLUMNS, components
from napari_itermask.inspection.reasons import REASONS
from napari_itermask.inspection.regions import Regions
from napari_itermask.record import PassRecord

from .bench import AFFINE, BRAIN, FLUID, SETTINGS, Bench, ball, block, grown, tissue

pytestmark = pytest.mark.filterwarnings("ignore:the tangent's fit was", "ignore:the curve's slope")

NONE = np.zeros(BRAIN.shape, bool)
WELL, NEIGHBOURS, UNDER = block((12, 14, 14)), block((12, 24, 24)), block((24, 12, 24))
SMALL = block((26, 26, 14), 2)
HIT, BACK, EDGE = block((18, 8, 20), 5), block((14, 20, 28)), block((26, 20, 20))
RIM = grown(~BRAIN) & BRAIN & (np.indices(BRAIN.shape)[2] > 32)
VENTRICLE, PLEXUS = ball((20, 20, 20), 5), block((19, 19, 19), 3)
TRUTH = WELL | NEIGHBOURS | UNDER | SMALL | HIT


def drawn():
    image = tissue()
    image[VENTRICLE] = FLUID + 2 * np.random.default_rng(2).standard_normal(VENTRICLE.sum())
    image[EDGE] += 120 * (np.indices(BRAIN.shape).sum(axis=0) % 2)[EDGE]
    return image


BENCH = Bench(
    always=[(UNDER, 0.6), (SMALL, 4), (HIT, 4), (RIM, 4), (PLEXUS, 4), (EDGE, 4)],
    hidden=[(NEIGHBOURS, 4)],
    shown=[(BACK, 4)],
    image=drawn(),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run with a search, in which every kind of miss and most false alarms occur."""
    settings = SETTINGS.replace(min_volume=0.1)
    return BENCH.run(tmp_path_factory.mktemp("run"), settings)


@pytest.fixture(scope="module")
def found(run):
    return components(run, TRUTH)


def at(found, place):
    """The component that holds most of a place."""
    numbers = found.labels[place]
    return found[int(np.bincount(numbers[numbers > 0]).argmax())]


REASON_OF = [
    (WELL, "miss", "repainted too well from the start"),
    (NEIGHBOURS, "miss", "unmasked in pass 2 by its neighbours"),
    (SMALL, "miss", "removed by the minimum volume"),
    (RIM, "false alarm", "rim"),
    (PLEXUS, "false alarm", "ventricle or CSF"),
    (EDGE, "false alarm", "high-frequency edge"),
    (BACK, "false alarm", "came back in pass 2"),
    (HIT, "hit", ""),
]


@pytest.mark.parametrize(("place", "kind", "reason"), REASON_OF)
def test_each_piece_has_the_reason_that_it_was_made_for(found, place, kind, reason):
    row = at(found, place)
    assert (row.kind, row.reason) == (kind, reason)
    assert row.rule in ("", *REASONS)
    assert row.because
    assert len(found) == len(REASON_OF) + 1  # and the one under the threshold


def refined(run, **changes):
    settings = run.settings.replace(**changes)
    return itm.refine(run.scan, run.model, settings, card=run.card, after=run)


def test_the_gamma_that_would_have_kept_a_miss_keeps_it_and_a_larger_one_does_not(run, found):
    row = at(found, UNDER)
    assert (row.kind, row.rule) == ("miss", "under the chosen threshold")
    words, gamma = row.reason.removesuffix(" would have kept it").split(" <= ")
    assert words == "under the chosen threshold: gamma"
    for part in (1, 0.5, 0.1):
        again = refined(run, threshold_rule="tangent", gamma=float(gamma) * part)
        assert again.mask[UNDER].all()
    assert not refined(run, threshold_rule="tangent", gamma=float(gamma) * 1.2).mask[UNDER].any()
    assert "tangent" in row.because  # this run's threshold was chosen by hand


def test_where_the_search_gave_the_start_it_says_so(run):
    begun = refined(run, start_mask="best_threshold_mask", manual_threshold=3.0)
    row = at(components(begun, TRUTH), UNDER)
    assert row.rule == "under the chosen threshold"
    assert "the search's mask, which the refinement began from, had left it out" in row.because


def test_specks_and_what_no_pass_repaints(tmp_path):
    speck, plain = block((14, 14, 20), 1), block((24, 24, 24))
    run = Bench(always=[(speck, 4), (plain, 4)], image=drawn()).run(tmp_path, search=False)
    found = components(run, NONE)
    assert [row.kind for row in found.rows] == ["false alarm"] * 2
    assert at(found, speck).reason == "single voxels"
    assert at(found, plain).reason == "never repainted well"
    assert "4 times the threshold" in at(found, plain).because
    assert f"all {len(run.record.passes)} passes" in at(found, plain).because


LEFT = block((12, 14, 14))


@pytest.mark.parametrize(
    ("settings", "more", "truth", "words"),
    [
        ({}, {}, block((0, 0, 0)), "outside the brain mask"),
        ({"rim": 6.0}, {}, RIM, "in the rim of 6 mm"),
        ({"intensity_floor": 10.0}, {}, LEFT, "under the intensity floor of 10"),
        ({}, {"within": ~LEFT & BRAIN}, LEFT, "outside the region that the run was restricted to"),
        ({}, {"start": ~LEFT & BRAIN}, LEFT, "shown by the start mask"),
        ({"sign": "brighter"}, {}, LEFT, "it is darker than repainted"),
    ],
)
def test_what_the_settings_leave_out_is_not_looked_for(tmp_path, settings, more, truth, words):
    bench = Bench(always=[(RIM, 4)], darker="sign" in settings)
    if bench.darker:
        bench.always.append((LEFT, 4))
    if "start" in more:
        bench.shown.append((LEFT, 0.3))
    run = bench.run(tmp_path, SETTINGS.replace(**settings), search=False, **more)
    row = at(components(run, truth), truth)
    assert (row.kind, row.reason) == ("miss", f"not looked for: {words}")


def test_without_a_search_the_first_pass_tells_if_its_map_was_kept(tmp_path):
    run = BENCH.run(tmp_path, search=False, keep="maps")
    row = at(components(run, TRUTH), UNDER)
    assert row.reason == "under the chosen threshold: a threshold of 0.6 would have kept it"
    lower = SETTINGS.replace(manual_threshold=0.59)
    assert BENCH.run(tmp_path, lower, search=False).mask[UNDER].all()
    bare = replace(run, passes=itm.Passes.from_arrays(run.passes.to_arrays()))
    row = at(components(bare, TRUTH), UNDER)
    assert row.reason == "repainted too well from the start"
    assert "no lower threshold can be named" in row.because


def test_numbers_are_those_of_the_piece_in_the_scans_space(run, found):
    depth = ndimage.distance_transform_edt(BRAIN, sampling=2.0)
    placement = run.on_grid.placement
    guide = placement.to_scan(run.on_grid.guide.astype(np.float32) ** 2)
    for row in found.rows:
        own = found.labels == row.number
        assert row.volume_ml == pytest.approx(own.sum() * 0.008)
        centre = apply_affine(AFFINE, np.argwhere(own).mean(axis=0))
        assert row.centroid_mm == pytest.approx(tuple(centre))
        assert row.peak_error == pytest.approx(run.error[own].max())
        assert row.mean_error == pytest.approx(run.error[own].mean(), rel=1e-5)
        assert own[row.voxel]
        assert run.error[row.voxel] == pytest.approx(row.peak_error)
        difference = (run.scan.image[own] - run.reconstruction[own]).mean()
        assert row.mean_difference == pytest.approx(difference, rel=1e-3)
        assert row.guide_energy == pytest.approx(guide[own].mean(), rel=1e-3)
        assert row.rim_mm == pytest.approx(np.sort(depth[own])[(own.sum() - 1) // 2], rel=1e-5)
        np.testing.assert_array_equal(
            found.voxels(row.number)[np.lexsort(found.voxels(row.number).T[::-1])], np.argwhere(own)
        )
    assert (at(found, NEIGHBOURS).left_in_pass, at(found, NEIGHBOURS).came_back_in) == (2, None)
    assert (at(found, BACK).left_in_pass, at(found, BACK).came_back_in) == (1, 2)


def test_an_image_with_other_axes_gives_the_same_reasons(tmp_path, found):
    turned = AFFINE[:, [1, 2, 0, 3]] * [-1, 1, -1, 1]
    run = replace(BENCH, affine=turned).run(tmp_path, SETTINGS.replace(min_volume=0.1))
    again = components(run, TRUTH)
    assert [(r.kind, r.rule, r.left_in_pass) for r in again.rows] == [
        (r.kind, r.rule, r.left_in_pass) for r in found.rows
    ]
    assert at(again, HIT).centroid_mm == pytest.approx(apply_affine(turned, (20, 10, 22)))


def test_a_lesion_found_in_part_is_a_hit_and_a_miss(tmp_path):
    lesion, half = ball((20, 20, 20), 8), ball((20, 20, 20), 8)
    half[20:] = False
    found = components(Bench(always=[(half, 4)]).run(tmp_path, search=False), lesion)
    assert sorted(row.kind for row in found.rows) == ["hit", "miss"]
    share = (lesion & half).sum() / lesion.sum()
    assert [row.overlap for row in found.rows] == [pytest.approx(share)] * 2


def test_outlines_that_differ_a_little_are_the_border_of_a_hit(tmp_path):
    lesion = ball((20, 20, 20), 6)
    mask = np.roll(lesion, 1, axis=0)
    found = components(Bench(always=[(mask, 4)]).run(tmp_path, search=False), lesion)
    (row,) = found.rows
    assert row.kind == "hit"
    assert row.volume_ml == pytest.approx((lesion | mask).sum() * 0.008)
    assert row.overlap == pytest.approx((lesion & mask).sum() / lesion.sum())
    aside = (mask & ~lesion).sum() * 0.008
    assert row.because.count(f"{aside:.2g} ml") == 2  # as much beyond the truth as short of it


def test_without_a_truth_all_is_found_and_against_an_empty_one_all_is_false(run):
    found = components(run, None)
    assert {row.kind for row in found.rows} == {"found"}
    assert {row.overlap for row in found.rows} == {None}
    assert at(found, RIM).reason == "rim"
    false = components(run, NONE)
    assert {row.kind for row in false.rows} == {"false alarm"}
    assert {row.overlap for row in false.rows} == {0.0}
    np.testing.assert_array_equal(false.labels > 0, run.mask)


def test_no_mask_and_no_truth_give_an_empty_table(tmp_path):
    run = Bench().run(tmp_path, search=False)
    assert not run.mask.any()
    for truth in (None, NONE):
        found = components(run, truth)
        assert (len(found), found.labels.max()) == (0, 0)
        assert len(found.features()["index"]) == 0
        assert len(found.save_csv(tmp_path / "none.csv").read_text().splitlines()) == 1
    assert [row.kind for row in components(run, LEFT).rows] == ["miss"]


def test_a_loaded_run_tells_what_it_holds(run, found, tmp_path):
    run.save(tmp_path / "all", passes=True)
    run.save(tmp_path / "bare")
    whole = components(itm.load_run(tmp_path / "all", run.scan), TRUTH)
    assert [(r.kind, r.reason, r.because) for r in whole.rows] == [
        (r.kind, r.reason, r.because) for r in found.rows
    ]
    assert whole.notes == ()

    bare = components(itm.load_run(tmp_path / "bare", run.scan), TRUTH)
    row = at(bare, NEIGHBOURS)
    assert (row.left_in_pass, row.reason) == (None, "not known")
    assert row.because == "the run was saved without its passes"
    assert at(bare, SMALL).reason == "removed by the minimum volume"
    assert at(bare, RIM).reason == "rim"
    assert "saved without its passes" in bare.notes[0]

    alone = components(itm.load_run(tmp_path / "all"), TRUTH)
    row = at(alone, RIM)
    assert row.mean_difference is row.guide_energy is row.rim_mm is row.came_back_in is None
    assert row.peak_error == at(found, RIM).peak_error
    assert at(alone, NEIGHBOURS).because.startswith("the run was loaded without its scan")
    assert len(alone.notes) == 2


def test_a_run_that_ended_in_its_search_says_so(run):
    from napari_itermask.run import Recorder, drive

    recorder = Recorder(run.scan, run.model, SETTINGS, card=run.card)
    ended = components(drive(recorder, stop_at=94), TRUTH)
    assert "the run ended before its refinement" in ended.notes[0]
    assert at(ended, WELL).reason == "not known"


def test_regions_name_the_places_and_tell_fluid_by_its_name(run):
    labels = np.where(np.indices(BRAIN.shape)[0] < 20, 2, 41).astype(np.int32)
    labels[PLEXUS], labels[RIM], labels[EDGE] = 2, 0, 4
    regions = Regions(labels, {2: "left white matter", 4: "left lateral ventricle"})
    found = components(run, TRUTH, regions)
    assert at(found, WELL).region == "left white matter"
    assert at(found, UNDER).region == "region 41"
    assert at(found, RIM).region is None
    assert at(found, EDGE).reason == "ventricle or CSF"
    assert "regions of fluid" in at(found, EDGE).because
    assert at(found, PLEXUS).reason != "ventricle or CSF"  # its name says more than its intensity


def test_the_table_is_what_naparis_labels_take(found):
    napari = pytest.importorskip("napari")
    layer = napari.layers.Labels(found.labels, features=found.features({"comment": ["x"] * 9}))
    assert list(layer.features["index"]) == [row.number for row in found.rows]
    assert set(COLUMNS) <= set(layer.features)
    row = at(found, BACK)
    own = layer.features[layer.features["index"] == row.number].iloc[0]
    assert own["reason"] == row.reason
    assert own["volume (ml)"] == row.volume_ml
    assert own["came back in pass"] == 2
    assert np.isnan(layer.features["came back in pass"][at(found, RIM).number - 1])
    assert own["comment"] == "x"


def test_the_csv_has_units_in_its_header_and_empty_cells_for_what_is_not_known(found, tmp_path):
    file = found.save_csv(tmp_path / "components.csv", {"comment": list("abcdefghi")})
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["number", *COLUMNS, "comment"]
    assert "volume (ml)" in rows[0]
    for row, given in zip(found.rows, rows, strict=True):
        assert int(given["number"]) == row.number
        assert float(given["volume (ml)"]) == pytest.approx(row.volume_ml)
        assert given["because"] == row.because
        left = row.left_in_pass
        assert given["left in pass"] == ("" if left is None else str(left))
    assert [p.name for p in tmp_path.iterdir()] == ["components.csv"]


@pytest.mark.parametrize("what", ["truth", "map of regions"])
def test_what_lies_in_other_voxels_is_refused(run, what):
    other = np.ones((5, 5, 5), bool)
    given = {"truth": (other, None), "map of regions": (TRUTH, Regions(other.astype(np.int32), {}))}
    with pytest.raises(ValueError, match=f"the {what} has the shape .5, 5, 5., the run's scan"):
        components(run, *given[what])


def test_a_component_that_is_not_there_is_refused(found):
    with pytest.raises(KeyError, match="there is no component 10: the last one is 9"):
        found[10]


@pytest.mark.slow
def test_five_hundred_components_of_a_1_mm_scan_take_under_two_seconds_of_one_core():
    run, truth = a_large_run()
    regions = Regions(np.indices(truth.shape)[0].astype(np.int32) // 20, {1: "one", 2: "CSF"})
    began = time.process_time()
    found = components(run, truth, regions)
    seconds = time.process_time() - began
    print(f"{len(found)} components of {run.mask.shape} voxels: {seconds:.2f} s of one core")
    assert {row.kind for row in found.rows} == {"hit", "miss", "false alarm"}
    assert len(found) >= 500
    assert seconds < 2


def a_large_run(size=192):
    """A run on a 1 mm grid of 192 voxels a side, with its search: masks and errors are drawn."""
    rng = np.random.default_rng(0)
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, size, dtype=np.float32)] * 3, indexing="ij"))
    brain = (place**2 / np.array([0.55, 0.8, 0.5], np.float32)[:, None, None, None]).sum(0) < 1
    texture = [
        ndimage.gaussian_filter(rng.standard_normal((size,) * 3, np.float32), 2) for _ in range(2)
    ]
    own, other = (t / t.std() for t in texture)
    error, truth = brain * np.exp(own), brain * np.exp(0.8 * own + 0.6 * other)
    image = np.where(brain, 100 + rng.standard_normal((size,) * 3, np.float32), 0)
    scan = itm.Scan(image=image.astype(np.float32), brain=brain, affine=np.diag([-1.0, 1, 1, 1]))
    card = itm.ModelCard(name="drawn", modality="flair", normalisation="zscore")
    short = itm.refine(scan, lambda masked, guide: masked, SETTINGS, card=card, search=False)
    grid = short.on_grid
    shift = grid.placement.to_scan
    kept, records, masked = itm.Passes(grid.brain), [], grid.brain
    drawn, _ = grid.placement.to_grid(error.astype(np.float32), brain)
    cuts = [*np.percentile(drawn[grid.brain], range(1, 101)), *[10.0, 11.0, 12.0, 13.0, 14.0]]
    search = itm.Search(grid.brain)
    for index, cut in enumerate(cuts):
        phase, number = ("search", index + 1) if index < 100 else ("refine", index - 99)
        masked = grid.brain if number == 1 else masked
        mask = drawn > cut
        if phase == "search":
            search.thresholds.append(float(cut))
            search.packed.append(np.packbits(mask[grid.brain]))
        done = search if index >= 99 else None
        kept.add(itm.Step(phase, index, number, cut, masked, mask, drawn, drawn, done))
        numbers = {"mask_voxels": 0, "mask_ml": 0.0, "seconds": 0.0}
        records.append(
            PassRecord(phase=phase, index=index, number=number, threshold=cut, **numbers)
        )
        masked = mask
    record = short.record.model_copy(
        update={"passes": tuple(records), "threshold": 14.0, "curve": tuple(search.thresholds)}
    )
    made = {"mask": shift(mask.astype(np.float32)) > 0.5, "error": error.astype(np.float32)}
    return replace(short, passes=kept, record=record, **made), truth > 13
