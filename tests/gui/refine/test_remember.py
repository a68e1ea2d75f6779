"""What was chosen is there the next time, and a bad file is only a note."""

import json

import pytest

from napari_itermask import RefineSettings
from napari_itermask.gui.system import missing_libraries

pytest.importorskip("qtpy")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from qtpy.compat import isalive
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.refine.remember import Choices, Memory, choices_file, recall

CHOICES = Choices(
    model="/models/mine.pth",
    of_checkpoint={"modality": "t1", "normalisation": "zscore"},
    device="cuda:1",
    preset="own",
    own=RefineSettings(gamma=15 / 192, cutoff=1 / 3, intensity_floor=0.1 + 0.2),
    unfolded=("guide", "after"),
)


@pytest.fixture
def dock(qtbot):
    dock = QWidget()
    yield dock
    if isalive(dock):
        dock.deleteLater()


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def memory(dock, complaints):
    return Memory(Aside("test-memory", dock), complaints.append, dock)


def test_what_is_kept_is_recalled_bit_for_bit(qtbot, memory, home):
    assert recall() == (Choices(), "")
    memory.keep(CHOICES)
    qtbot.waitUntil(choices_file().exists)
    assert choices_file().parent == home
    assert recall() == (CHOICES, "")


def test_of_many_changes_the_last_is_written_once_they_rest(qtbot, memory):
    for number in range(20):
        memory.keep(CHOICES.model_copy(update={"device": f"cuda:{number}"}))
    assert not choices_file().exists()
    qtbot.waitUntil(choices_file().exists)
    assert recall()[0].device == "cuda:19"


def test_what_still_waits_when_the_dock_goes_is_written(qtbot, dock, memory):
    memory.keep(CHOICES)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    assert recall()[0] == CHOICES


def test_without_the_variable_the_file_lies_in_the_users_folder(monkeypatch):
    monkeypatch.delenv("NAPARI_ITERMASK_HOME")
    assert choices_file().parent.name == "napari-itermask"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Invalid JSON"),
        ('{"format": 2}', "format"),
        ('{"gone": 1}', "gone: Extra inputs"),
        (json.dumps({"own": {"gamma": -1}}), "own.gamma: Input should be greater than 0"),
    ],
)
def test_a_broken_or_old_file_is_dropped_with_a_note(text, why):
    choices_file().write_text(text)
    choices, note = recall()
    assert choices == Choices()
    assert str(choices_file()) in note
    assert why in note
    assert note.endswith("so the dock begins with the defaults.")


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nothing(
    qtbot, memory, complaints, home
):
    (home / "refine-dock.json").mkdir()  # nothing can be renamed onto a folder
    memory.keep(CHOICES)
    qtbot.waitUntil(lambda: bool(complaints))
    assert complaints[0].startswith("the choices of this dock are not remembered")
    assert recall()[0] == Choices()
