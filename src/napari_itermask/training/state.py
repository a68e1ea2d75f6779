"""Where a training stands on disk: whole or not there, and refused where another line began it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_itermask.scans.files import write_whole
from napari_itermask.training.settings import TrainSettings

STATE = "state.pt"
FOLDER = "training"
"""Within the model's folder: state, curves, pictures, prepared scans."""


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state under its name once it is complete and on the disk."""
    import torch

    write_whole(folder / STATE, lambda part: torch.save(state, part))


def load_state(
    folder: Path, settings: TrainSettings, digest: str, device: Any
) -> dict[str, Any] | None:
    """The state to go on from, None if there is none; no code is ever run.

    Raises
    ------
    ValueError
        If it was begun with other settings or scans.
    """
    import torch

    for scrap in folder.glob(".state-*"):  # of a kill while it was written
        scrap.unlink(missing_ok=True)
    path = folder / STATE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        begun = TrainSettings.model_validate_json(state["settings"])
    except Exception as error:  # noqa: BLE001 - damage shows in any way
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}): delete it, or begin anew with "
            "--no-resume."
        ) from None
    other = "scans" if state["digest"] != digest else begun.conflict(settings)
    if other is not None:
        now = ""
        if other != "scans":
            now = f" ({getattr(begun, other)}, now {getattr(settings, other)})"
        raise ValueError(
            f"{folder.parent} holds a training with other {other}{now}: repeat its line to resume "
            "it, choose another --out, or begin anew with --no-resume."
        )
    return state
