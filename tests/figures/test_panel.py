"""The overview shows a row per plane and a column per map, the right way up."""

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.figures.panel import panel, save_panel
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files


@pytest.fixture(scope="module")
def scan():
    return itm.load_scan(sample_files().flair)


@pytest.fixture
def run(scan, small_model):
    return itm.refine(scan, small_model, search=False)


def test_every_map_is_shown_in_every_plane(run, scan):
    figure = panel(run, load_mask(sample_files().lesion, scan))
    assert [ax.get_title() for ax in figure.axes[:5]] == [
        *("input", "mask", "reconstruction", "error", "truth")
    ]
    assert len(figure.axes) == 15


def test_the_front_and_the_top_are_up(run):
    figure = panel(run)
    axial, coronal = (figure.axes[i].images[0].get_array() for i in (0, 4))
    # The cerebellum and the brainstem are narrow and low, the vertex is high and wide.
    assert axial.shape[0] > axial.shape[1]  # a head is longer than wide: front to back runs up
    assert np.count_nonzero(coronal[3] > 0) < np.count_nonzero(coronal[-20] > 0)
    assert figure.axes[0].images[0].origin == "lower"


def test_it_is_saved_whole_and_a_loaded_run_says_what_it_lacks(run, tmp_path):
    path = save_panel(run, tmp_path / "figure.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert [f.name for f in tmp_path.iterdir()] == ["figure.pdf"]
    run.save(tmp_path / "run")
    with pytest.raises(ValueError, match="loaded without its scan"):
        panel(itm.load_run(tmp_path / "run"))
