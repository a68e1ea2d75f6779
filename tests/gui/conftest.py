"""A real viewer, with a screen or without, and a session that refines a phantom in a moment."""

from __future__ import annotations

import time

import pytest

from napari_itermask.gui.system import has_display, missing_libraries

pytest.importorskip("napari")


@pytest.fixture
def drawn_viewer(request):
    """A viewer whose canvas is really drawn; skipped without a screen."""
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")
    return request.getfixturevalue("make_napari_viewer")(show=True)


@pytest.fixture
def until(qtbot):
    """Let Qt work until a condition holds."""

    def wait(condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the window did not get there"
            qtbot.wait(2)

    return wait
