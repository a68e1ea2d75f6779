"""What is chosen in napari's Preferences is what the window does."""

from pathlib import Path

import pytest

from napari_itermask.gui.preferences import Preferences, on_change, preferences

npe2 = pytest.importorskip("npe2")
pytest.importorskip("napari")

try:
    from napari.settings import get_plugin_settings
except ImportError:
    get_plugin_settings = None

with_a_page = pytest.mark.skipif(
    get_plugin_settings is None, reason="napari before 0.9 has no preferences for plugins"
)


@pytest.fixture
def kept(request):
    """napari's own settings of this plugin, in a folder of the test's."""
    request.getfixturevalue("plugin_settings")
    npe2pm = request.getfixturevalue("npe2pm")
    npe2pm.register(npe2.PluginManifest.from_distribution("napari-itermask"))
    return get_plugin_settings("napari-itermask")


@with_a_page
def test_untouched_preferences_are_the_defaults_of_the_code(kept):
    assert preferences() == Preferences()


@with_a_page
def test_a_choice_holds_and_is_told(kept):
    told = []
    stop = on_change(told.append)
    kept.display.refresh_rate = 10.0
    kept.compute.device = "cpu"
    kept.memory.maps = 64
    kept.display.error_style = "whole"
    kept.models.folder = "~/models"
    now = Preferences(
        device="cpu",
        refresh_rate=10.0,
        error_style="whole",
        maps_budget=64 * 2**20,
        model_folder=Path.home() / "models",
    )
    assert preferences() == told[-1] == now
    assert len(told) == 5
    stop()
    kept.memory.runs = 128
    assert len(told) == 5
    assert preferences().runs_budget == 128 * 2**20


@with_a_page
def test_a_choice_outlives_the_session(kept):
    kept.display.refresh_rate = 2.0
    written = Path(kept.config_path).read_text(encoding="utf-8")
    assert "refresh_rate: 2.0" in written


@with_a_page
@pytest.mark.parametrize("rate", [0.0, 1000.0])
def test_no_rate_is_taken_that_the_window_could_not_keep(kept, rate):
    with pytest.raises(ValueError, match="refresh_rate"):
        kept.display.refresh_rate = rate


def test_without_a_page_the_defaults_hold(monkeypatch):
    import napari.settings

    monkeypatch.delattr(napari.settings, "get_plugin_settings", raising=False)
    told = []
    stop = on_change(told.append)
    assert preferences() == Preferences()
    stop()
    assert told == []


@with_a_page
def test_a_disabled_plugin_has_the_defaults(plugin_settings):
    assert preferences() == Preferences()
