"""The Cases dock: cases are opened one after another with their truths; notes are never lost."""

import csv

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import Qt

import napari_itermask as itm
from napari_itermask.gui.cases_dock import COMMENT, DIFFICULTY, FLAG
from napari_itermask.gui.stream import session_of, stream_of
from napari_itermask.gui.window import open_cases


@pytest.fixture
def table(phantom, small_model, tmp_path):
    """A saved run of the phantom, and the phantom with a truth."""
    image = nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine)
    nib.save(image, tmp_path / "scan.nii.gz")
    truth = (phantom.image > 600).astype(np.uint8)
    nib.save(nib.Nifti1Image(truth, phantom.affine), tmp_path / "truth.nii.gz")
    run = itm.refine(itm.load_scan(tmp_path / "scan.nii.gz"), small_model, search=False)
    run.save(tmp_path / "run")
    path = tmp_path / "cases.csv"
    path.write_text("run,scan,truth,age\n,scan.nii.gz,truth.nii.gz,41\nrun,,,72\n")
    return path


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer()
    yield viewer
    stream_of(viewer).close()


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_cases_open_in_turn_and_what_is_noted_is_in_the_file(viewer, table, until):
    session = session_of(viewer)
    dock = open_cases(viewer, table)
    until(lambda: session.truth is not None)
    assert session.scan.name == "scan"
    assert dock.count.text() == "1 of 2, 0 flagged"
    assert "truth" in viewer.layers
    assert not dock.previous.isEnabled()

    dock.table.item(0, FLAG).setCheckState(Qt.CheckState.Checked)
    dock.table.item(0, COMMENT).setText("rim, again")
    dock.table.item(0, DIFFICULTY).setText("hard")
    until(lambda: rows(table)[0].get("difficulty") == "hard")
    first = rows(table)[0]
    assert (first["flag"], first["comment"], first["age"]) == ("1", "rim, again", "41")
    dock.table.item(0, DIFFICULTY).setText("brutal")
    assert "'brutal' is no difficulty" in dock.messages.text
    assert dock.table.item(0, DIFFICULTY).text() == "hard"

    dock.next.click()
    until(lambda: session.run is not None)
    until(lambda: "truth" not in viewer.layers)
    assert dock.count.text() == "2 of 2, 1 flagged"
    assert not dock.next.isEnabled()


def test_a_table_that_cannot_be_read_is_said_and_nothing_opens(viewer, table, until):
    table.write_text("scan\ngone.nii.gz\n")
    dock = open_cases(viewer, table)
    until(lambda: "does not exist" in dock.messages.text)
    assert dock.cases is None
    assert session_of(viewer).scan is None
