"""A panel shows a row per slice and a column per map, at one scale, the right way up."""

import re

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.figures.draw import draw
from napari_itermask.figures.panel import panel, save_panel
from napari_itermask.figures.recipe import FigureRecipe
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files


def words(figure):
    return [t.get_text() for t in [*figure.texts, *(t for ax in figure.axes for t in ax.texts)]]


def tiles(figure):
    """All that are as large as a slice, in rows from the top."""
    boxes = [(ax, ax.get_position()) for ax in figure.axes]
    large = [(ax, b) for ax, b in boxes if b.height > 3 * min(b.height for _, b in boxes)]
    return [ax for ax, b in sorted(large, key=lambda t: (-round(t[1].y0, 3), t[1].x0))]


@pytest.fixture(scope="module")
def truth(sample):
    return load_mask(sample_files().lesion, sample.scan)


def test_the_overview_shows_every_map_in_every_plane(sample, truth):
    figure = panel(sample, truth)
    assert len(tiles(figure)) == 15
    assert {"input", "mask", "reconstruction", "error", "truth"} <= set(words(figure))


def test_the_front_and_the_top_are_up(sample):
    figure = panel(sample)
    axial, coronal = (tiles(figure)[i].images[0].get_array() for i in (0, 4))
    # The cerebellum and the brainstem are narrow and low, the vertex is high and wide.
    assert axial.shape[0] > axial.shape[1]  # a head is longer than wide: front to back runs up
    assert np.count_nonzero(coronal[3] > 0) < np.count_nonzero(coronal[-20] > 0)
    assert figure.axes[0].images[0].origin == "lower"


def test_it_is_saved_whole_and_a_loaded_run_says_what_it_lacks(sample, tmp_path):
    path = save_panel(sample, tmp_path / "figure.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert [f.name for f in tmp_path.iterdir()] == ["figure.pdf"]
    sample.save(tmp_path / "run")
    with pytest.raises(ValueError, match="loaded without its scan"):
        panel(itm.load_run(tmp_path / "run"))


def test_one_scale_bar_holds_for_all_tiles(saved):
    recipe = FigureRecipe(
        kind="panel",
        runs=(str(saved.sample), str(saved.phantom)),
        slices="A 0 C 0 S 10",
        columns="input,error",
    )
    figure = draw(recipe)
    width, height = figure.get_size_inches() * 25.4
    scales = []
    for ax in tiles(figure):
        box = ax.get_position()
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        scales += [box.width * width / (right - left), box.height * height / (high - low)]
    assert len(scales) == 24
    assert np.ptp(scales) < 1e-9
    mm = next(float(w.split()[0]) for w in words(figure) if re.fullmatch(r"\d+ mm", w))
    bars = [a for a in figure.get_children() if getattr(a, "get_height", lambda: 0)() > 0]
    lengths = [bar.get_width() * width for bar in bars]
    assert any(length == pytest.approx(mm * scales[0]) for length in lengths)


def test_convention_and_places_are_stated(saved):
    recipe = FigureRecipe(
        kind="panel", runs=(str(saved.sample),), slices="A 20 S L- 10", convention="radiological"
    )
    said = words(draw(recipe))
    assert any("radiological convention: the patient's right is at the left" in w for w in said)
    assert sum(bool(re.fullmatch(r"z \d+ mm", w)) for w in said) == 1
    assert not any(w.startswith("x ") for w in said)
    assert {"R", "L", "A", "P", "S", "I"} <= set(said)


def test_runs_of_one_scan_are_shown_in_the_same_slices(saved):
    recipe = FigureRecipe(kind="panel", runs=(str(saved.sample), str(saved.searched)))
    places = [w for w in words(draw(recipe)) if re.fullmatch(r"z −?\d+ mm", w)]
    assert len(places) == 2
    assert len(set(places)) == 1


def test_a_figure_stays_under_its_height(saved):
    recipe = FigureRecipe(
        kind="panel", runs=(str(saved.sample),), slices="A 0 10 20 30", columns="input", tallest=90
    )
    assert draw(recipe).get_size_inches()[1] * 25.4 <= 90.001


def test_a_scan_that_is_gone_is_told_and_its_masks_are_drawn_on_the_repaint(
    saved, sample, small_model, tmp_path
):
    file = tmp_path / "moved.nii.gz"
    file.write_bytes(sample_files().flair.read_bytes())
    run = itm.refine(itm.load_scan(file), small_model, search=False)
    run.save(tmp_path / "run")
    file.rename(tmp_path / "elsewhere.nii.gz")
    recipe = FigureRecipe(kind="panel", runs=(str(tmp_path / "run"),), slices="A 20")
    told = []
    said = words(draw(recipe, told.append))
    assert "moved.nii.gz is gone" in told[0]
    assert "no scan" in said
    assert any("drawn on its repaint" in w for w in said)
    told.clear()
    moved = recipe.model_copy(update={"scan": (str(tmp_path / "elsewhere.nii.gz"),)})
    assert "no scan" not in words(draw(moved, told.append))
    assert told == []


def test_a_guide_cannot_be_drawn_without_the_scan(phantom, small_model, tmp_path):
    run = itm.refine(phantom, small_model, search=False)  # a scan in memory: it lies in no file
    run.save(tmp_path / "run")
    recipe = FigureRecipe(kind="panel", runs=(str(tmp_path / "run"),), columns="guide")
    with pytest.raises(ValueError, match="without its scan: it lay in memory"):
        draw(recipe, lambda _: None)
