"""The Figures dock: what is seen is what is saved, and what is saved is what the shell makes."""

import gc
import shlex
import sys
import threading
import time
import weakref
from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import typer
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.figures.again import read_embedded
from napari_itermask.figures.style import FigureError
from napari_itermask.figures_command import figure
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.gui.system import has_display, missing_libraries
from napari_itermask.movie_command import movie
from napari_itermask.shell import plainly

pytest.importorskip("napari")


@pytest.fixture(scope="module")
def screen():
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    """The phantom, its brain mask and its lesion."""
    folder = tmp_path_factory.mktemp("scan")
    lesion = phantom.image > phantom.image[phantom.brain].max() - 200
    for name, data in (("scan", phantom.image), ("brain", phantom.brain), ("lesion", lesion)):
        image = nib.Nifti1Image(data.astype(np.int16), phantom.affine)
        nib.save(image, folder / f"{name}.nii.gz")
    return folder / "scan.nii.gz", folder / "brain.nii.gz", folder / "lesion.nii.gz"


@pytest.fixture(scope="module")
def finished(files, small_model):
    """Two runs, at the thresholds 1 and 0.5; to be read only."""
    scan, settings = itm.load_scan(*files[:2]), small_model.card.settings
    return [
        itm.refine(scan, small_model, settings.replace(manual_threshold=t), search=False)
        for t in (1.0, 0.5)
    ]


@dataclass
class Open:
    """A viewer with the phantom open, its session with two runs, and the dock."""

    viewer: Any
    session: Any
    dock: Any
    until: Any

    @property
    def page(self):
        return self.dock.figure

    @property
    def controls(self):
        return self.dock.figure.controls

    def settle(self):
        """Until what is asked for is drawn."""
        self.until(lambda: not self.dock.busy)

    def draw(self, **values):
        """Set controls, and wait for the picture."""
        for name, value in values.items():
            control = getattr(self.controls, name)
            if hasattr(control, "text") and not callable(control.text):
                control.text = value
            elif hasattr(control, "findData"):
                control.setCurrentIndex(control.findData(value))
            else:
                control.setValue(value)
        self.settle()
        assert not self.page.paper.picture.isNull(), self.page.paper.words

    def saved(self, path):
        self.page.ask_save = lambda *_: (path, False)
        self.page.save.click()
        self.until(lambda: path.exists() and not self.dock.busy)
        return path


@pytest.fixture
def window(screen, make_napari_viewer, files, small_model, finished, until):
    from napari_itermask.gui.figure_dock import FigureDock
    from napari_itermask.gui.stream import session_of

    viewer = make_napari_viewer(show=True)
    session = session_of(viewer)
    session.choose_model(str(small_model.weights.parent))
    session.open(*files[:2])
    session.wait()
    session.truth = np.asarray(nib.load(files[2]).dataobj) > 0
    for number, run in enumerate(finished, 1):  # as the session lists them when they finish
        kept = session.archive.keep(run, f"run {number}")
        entry = RunEntry(number, kept.name, replace(run, scan=session.scan), kept)
        session.runs.insert(0, entry)
    session.select(session.runs[0])
    found = Open(viewer, session, FigureDock(viewer), until)
    viewer.window.add_dock_widget(found.dock, name="Figures", area="right")
    until(lambda: not found.page.paper.picture.isNull())
    yield found
    session.close()


def in_shell(words, out, cwd=None):
    """Type a command, into another file."""
    app = typer.Typer()
    app.command(name="figure")(plainly(figure))
    app.command(name="movie")(plainly(movie))
    arguments = shlex.split(words)[1:]
    arguments[arguments.index("--out") + 1] = str(out)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return out


def coarse(image):
    """The brightness of a Qt image in 16 x 16 fields, one after another."""
    small = image.scaled(
        16,
        16,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    return [small.pixelColor(x, y).lightness() for y in range(16) for x in range(16)]


def pixels(path):
    return np.asarray(Image.open(path))


def test_a_figure_saved_from_the_window_is_the_one_that_the_shell_makes(window, files, tmp_path):
    window.controls.runs.tick(*window.session.runs)
    window.controls.truth.choose(files[2])
    window.draw(
        columns="input,mask,error,mask@1,agreement",
        slices="A largest C 10",
        convention="radiological",
        page_width=85.0,
        dpi=150,
    )
    ours = window.saved(tmp_path / "ours.png")
    window.page.copy_command.click()
    command = QApplication.clipboard().text()
    assert command.startswith("napari-itermask figure panel ")
    theirs = in_shell(command, tmp_path / "theirs.png")
    assert pixels(ours).shape[1] == int(85 / 25.4 * 150)
    np.testing.assert_array_equal(pixels(ours), pixels(theirs))
    assert read_embedded(ours).recipe == read_embedded(theirs).recipe
    # What was seen before is the same figure, and so is what the clipboard gets.
    window.page.copy_picture.click()
    window.settle()
    image = QApplication.clipboard().image()
    assert (image.width(), image.height()) == pixels(ours).shape[1::-1]
    seen = window.page.paper.picture.toImage()
    assert seen.width() / seen.height() == pytest.approx(image.width() / image.height(), rel=0.02)
    assert np.corrcoef(coarse(seen), coarse(image))[0, 1] > 0.98


@pytest.mark.parametrize("kind", ["passes", "lightbox", "roc", "dice"])
def test_each_kind_is_drawn_of_the_shown_run_and_saved(window, files, tmp_path, kind):
    window.controls.truth.choose(files[2])
    window.controls.choose(kind)
    window.draw(dpi=72)
    ours = window.saved(tmp_path / "ours.png")
    window.page.copy_command.click()
    theirs = in_shell(QApplication.clipboard().text(), tmp_path / "theirs.png")
    np.testing.assert_array_equal(pixels(ours), pixels(theirs))


def test_what_cannot_be_drawn_is_said_in_place_of_the_picture(window):
    window.controls.choose("curve")  # there was no search
    window.settle()
    assert "search" in window.page.paper.words
    assert not window.page.save.isEnabled()
    window.controls.choose("panel")
    window.controls.slices.text = "A 500"
    window.settle()
    assert "no axial slice at 500 mm" in window.page.paper.words
    window.draw(slices="")


def test_a_truth_in_memory_is_saved_before_a_command_can_name_it(window, tmp_path):
    window.draw(columns="truth", dpi=72)
    assert window.page.asked.truth is not None
    seen = window.saved(tmp_path / "seen.png")
    with pytest.raises(FigureError, match=r"holds no recipe"):
        read_embedded(seen)
    assert "holds no command" in window.dock.messages.text
    window.page.copy_command.click()
    assert "lies in this window only" in window.dock.messages.trouble
    window.page.ask_folder = lambda *_: tmp_path
    window.dock.messages.buttons()[0].click()
    window.until(lambda: "clipboard" in window.dock.messages.text)
    again = in_shell(QApplication.clipboard().text(), tmp_path / "again.png")
    np.testing.assert_array_equal(pixels(again), pixels(seen))


def test_a_run_that_is_not_saved_can_be_drawn_and_is_saved_for_its_command(window, tmp_path):
    window.session.truth = None
    window.session.runs[0].kept = None  # as where the disk was full
    window.draw(columns="mask", dpi=72)
    window.page.copy_command.click()
    assert "is not saved yet" in window.dock.messages.trouble
    window.page.ask_folder = lambda *_: tmp_path
    window.dock.messages.buttons()[0].click()
    window.until(lambda: "clipboard" in window.dock.messages.text)
    assert str(tmp_path / "run-2") in QApplication.clipboard().text()
    assert itm.load_run(tmp_path / "run-2").record == window.session.runs[0].record


def test_slices_are_picked_where_the_viewer_stands(window):
    viewer, line = window.viewer, window.controls.slices
    place = window.session.scan.affine @ [20, 30, 25, 1]  # RAS mm
    viewer.dims.set_point((0, 1, 2), (place[2], -place[1], place[0]))
    line.pick()
    window.until(lambda: line.text == f"A {place[2]:g}")
    line.pick(all_planes=True)
    window.until(lambda: line.text == f"A {place[2]:g} C {place[1]:g} S {place[0]:g}")
    line.text = "A 2"
    line.pick(add=True)
    window.until(lambda: line.text == f"A 2 A {place[2]:g}")


def test_the_window_never_waits_for_a_figure(window):
    slots, longest = window.page, []
    for change in (
        lambda: window.controls.choose("lightbox"),
        lambda: window.controls.own_width.setValue(300),
        slots._draw,
        slots.copy_command.click,
        slots.copy_picture.click,
    ):
        before = time.thread_time()  # others use the processor meanwhile
        change()
        longest.append(time.thread_time() - before)
    assert max(longest) < 0.1
    window.settle()


def test_without_matplotlib_it_says_how_to_get_it(window, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib", None)
        window.controls.choose("lightbox")
        window.settle()
    assert "needs matplotlib: pip install matplotlib" in window.page.paper.words


# Movies -----------------------------------------------------------------------------------------


@pytest.fixture
def movies(window):
    pytest.importorskip("av")
    window.dock.tabs.setCurrentWidget(window.dock.movie)
    window.until(lambda: not window.dock.movie.paper.picture.isNull())
    return window.dock.movie


def test_a_movie_saved_from_the_window_is_the_one_that_the_shell_makes(window, movies, tmp_path):
    movies.controls.seconds.setValue(0.1)
    movies.controls.hold.setValue(0.1)
    movies.controls.slices.text = "A largest"
    movies.controls.ending.setCurrentIndex(1)
    window.settle()
    assert "2 passes, 6 frames" in movies.state.text()
    movies.ask_save = lambda *_: (tmp_path / "ours.gif", False)
    movies.save.click()
    assert movies.stop.isEnabled()
    window.until(lambda: "Saved" in window.dock.messages.text)
    movies.copy_command.click()
    theirs = in_shell(QApplication.clipboard().text(), tmp_path / "theirs.gif")
    assert (tmp_path / "ours.gif").read_bytes() == theirs.read_bytes()


def test_a_movie_that_is_stopped_leaves_nothing(window, movies, tmp_path):
    movies.controls.hold.setValue(60)
    movies.ask_save = lambda *_: (tmp_path / "movie.mp4", False)
    movies.save.click()
    window.until(lambda: movies.bar.value() > 0)
    movies.stop.click()
    window.until(lambda: "was stopped" in window.dock.messages.text)
    assert list(tmp_path.iterdir()) == []


def test_without_the_libraries_of_movies_it_says_how_to_get_them(window, movies, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "av", None)
        movies.save.click()
    assert 'needs av: pip install "napari-itermask[movie]"' in window.dock.messages.text


def test_a_dock_that_is_closed_is_let_go_with_its_threads(window):
    dock, window.dock = window.dock, None
    gone = weakref.ref(dock)
    dock.figure.controls.choose("lightbox")  # a figure is on its way
    window.viewer.window.remove_dock_widget(dock)
    dock.close()
    dock.deleteLater()
    del dock
    names = ("itermask-figure", "itermask-movie")
    window.until(lambda: not [t for t in threading.enumerate() if t.name in names])
    window.viewer.theme = "light"
    gc.collect()
    assert gone() is None
