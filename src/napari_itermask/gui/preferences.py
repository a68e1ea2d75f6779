"""What has the user chosen in napari's Preferences for this plugin?

napari 0.9 makes the page from the manifest's ``configurations`` and keeps the answers; napari 0.8
has no such page, there the defaults hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

PLUGIN = "napari-itermask"
MEGABYTE = 1 << 20

ErrorStyle = Literal["above threshold", "modulated", "whole"]


@dataclass(frozen=True)
class Preferences:
    """The choices, and their defaults.

    Attributes
    ----------
    device
        Where passes run: "auto", "cpu", "cuda" or "mps".
    refresh_rate
        How often the live layers change, in Hz.
    error_style
        What is drawn of the error map.
    maps_budget
        Bytes that the reconstructions and errors of a run's passes may take in memory.
    runs_budget
        Bytes that finished runs may take in memory; those beyond lie on disk.
    model_folder
        Where more models lie; None: only the user's own and the embedded ones.
    """

    device: str = "auto"
    refresh_rate: float = 4.0
    error_style: ErrorStyle = "above threshold"
    maps_budget: int = 512 * MEGABYTE
    runs_budget: int = 1024 * MEGABYTE
    model_folder: Path | None = None


def preferences() -> Preferences:
    """What is chosen now."""
    kept = _kept()
    if kept is None:
        return Preferences()
    folder = kept.models.folder.strip()
    return Preferences(
        device=kept.compute.device,
        refresh_rate=kept.display.refresh_rate,
        error_style=cast(ErrorStyle, kept.display.error_style),
        maps_budget=kept.memory.maps * MEGABYTE,
        runs_budget=kept.memory.runs * MEGABYTE,
        model_folder=Path(folder).expanduser() if folder else None,
    )


def on_change(callback: Callable[[Preferences], None]) -> Callable[[], None]:
    """Call ``callback`` with each new choice; returns what ends that."""
    kept = _kept()

    def changed(_: Any) -> None:
        callback(preferences())

    groups = [] if kept is None else [kept.compute, kept.display, kept.memory, kept.models]
    for group in groups:
        group.events.connect(changed)

    def stop() -> None:
        for group in groups:
            group.events.disconnect(changed)

    return stop


def _kept() -> Any:
    """napari's settings of this plugin; None without that page, or while the plugin is disabled."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return None
    try:
        return get_plugin_settings(PLUGIN)
    except KeyError:
        return None
