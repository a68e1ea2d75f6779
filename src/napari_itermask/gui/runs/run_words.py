"""What is said of a finished run: a line in the table, and all that makes it different.

Free of Qt and napari.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.gui.runs.run_files import MapEntry
from napari_itermask.method.settings import RefineSettings
from napari_itermask.scans.scan import stem, voxel_ml

if TYPE_CHECKING:
    from napari_itermask.gui.shelf import RunEntry
    from napari_itermask.record import RunRecord


COLUMNS = {
    "Name": "Double-click to show the run, F2 to rename it.",
    "Mask": "Volume of the final mask in the scan's own voxels, ml.",
    "Threshold": "How the threshold was chosen, and the error above which voxels stayed masked.",
    "Passes": "How many times the network repainted the brain.",
    "Seconds": "How long the run took.",
    "When": "When the run finished.",
    "Where": "Whether the run lies on disk, and a corrected mask beside it.",
    "Scan": "What was refined.",
    "Model": "What repainted.",
}
"""Of the table, each with its help."""


@dataclass(frozen=True)
class Cell:
    """What stands in one place of the table, and what it is sorted by."""

    text: str
    key: str | float


def line(entry: RunEntry | MapEntry) -> tuple[Cell, ...]:
    """One cell for each of :data:`COLUMNS`."""
    if isinstance(entry, MapEntry):
        return _line_of_map(entry)
    record = entry.record
    ml, took, made = mask_ml(entry), seconds(record), datetime.fromisoformat(record.created)
    names = (where(entry), scan_name(entry), record.card.name)
    return (
        Cell(entry.name, entry.name.lower()),
        Cell(f"{ml:.2f} ml", ml),
        Cell(rule(record), record.threshold),
        Cell(str(len(record.passes)), len(record.passes)),
        Cell(f"{took:.1f} s", took),
        Cell(when(made), made.timestamp() + 1e-6 * entry.number),  # two of one second
        *(Cell(name, name.lower()) for name in names),
    )


def _line_of_map(entry: MapEntry) -> tuple[Cell, ...]:
    ml = float(np.count_nonzero(entry.map.values > entry.threshold)) * voxel_ml(entry.map.affine)
    cut = "mask" if entry.map.is_mask else f"above {entry.threshold:.3g}"
    return (
        Cell(entry.name, entry.name.lower()),
        Cell(f"{ml:.2f} ml", ml),
        Cell(cut, entry.threshold),
        Cell("", -1),
        Cell("", -1.0),
        Cell(when(entry.opened), entry.opened.timestamp()),
        Cell("map", "map"),
        Cell("", ""),
        Cell("another method", "another method"),
    )


def rule(record: RunRecord) -> str:
    """How the threshold was chosen, and the threshold."""
    return f"{record.final_settings.threshold_rule} {record.threshold:.3g}"


def scan_name(entry: RunEntry) -> str:
    """The scan's name without its folder."""
    source = entry.record.scan
    if source is not None:
        return stem(Path(source.path))
    return entry.run.scan.name if entry.run is not None and entry.run.scan is not None else "scan"


def mask_ml(entry: RunEntry) -> float:
    """Volume of the mask, in the scan's own voxels where that is known."""
    if entry.kept is not None and entry.kept.mask_ml is not None:
        return entry.kept.mask_ml
    if entry.run is not None:
        return entry.run.mask_ml
    return float(entry.record.scores["final_mask_ml"])


def seconds(record: RunRecord) -> float:
    """How long it took."""
    return sum(record.seconds.values())


def when(made: datetime) -> str:
    """A local time: its hour if it was today, else its day too."""
    made = made.astimezone()
    today = made.date() == datetime.now().astimezone().date()
    return made.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def where(entry: RunEntry) -> str:
    """Whether it lies on disk; and whether a corrected mask lies beside it."""
    if entry.kept is None:
        return "memory"
    return "disk, corrected" if entry.kept.corrected else "disk"


def changed(record: RunRecord) -> dict[str, tuple[Any, Any]]:
    """The settings that differ from the model's card: name -> (here, on the card)."""
    here, card = record.final_settings.model_dump(), record.card.settings.model_dump()
    return {name: (here[name], card[name]) for name in here if here[name] != card[name]}


def details(entry: RunEntry | MapEntry) -> str:
    """All that makes a run different, as simple HTML."""
    if isinstance(entry, MapEntry):
        cut = "a mask" if entry.map.is_mask else f"a map, cut above {entry.threshold:.4g}"
        return f"<b>{escape(entry.name)}</b>: {cut}, from {escape(str(entry.map.path))}."
    record = entry.record
    ended = "" if record.complete else ", ended before the mask settled"
    text = (
        f"<b>{escape(entry.name)}</b>: {mask_ml(entry):.2f} ml of {escape(scan_name(entry))}, "
        f"threshold {record.threshold:.4g} ({record.final_settings.threshold_rule}), "
        f"{len(record.passes)} passes{ended}."
    )
    made = (
        f"{escape(record.card.name)} on {escape(record.device)} ({record.precision}), "
        f"{seconds(record):.1f} s, {when(datetime.fromisoformat(record.created))}."
    )
    scores = ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in record.scores.items())
    notes = [f"Note: {escape(note)}" for note in record.notes]
    lines = [text, _settings_line(record), made, f"Scores: {scores}.", *notes]
    if entry.kept is not None:
        corrected = ", with a mask corrected by hand" if entry.kept.corrected else ""
        size = entry.kept.bytes / 1e6
        lines.append(f"On disk ({size:.1f} MB{corrected}): {escape(str(entry.kept.folder))}")
    return "<br>".join(lines)


def differences(a: RunEntry, b: RunEntry) -> str:
    """The settings in which two runs differ, as simple HTML."""
    one, other = (entry.record.final_settings.model_dump() for entry in (a, b))
    parts = [
        f"{name.replace('_', ' ')} {_value(name, one[name])} and {_value(name, other[name])}"
        for name in one
        if one[name] != other[name]
    ]
    if a.record.card.name != b.record.card.name:
        parts.insert(0, f"model {a.record.card.name} and {b.record.card.name}")
    names = f"<b>{escape(a.name)}</b> and <b>{escape(b.name)}</b>"
    if not parts:
        return f"{names} have the same model and settings."
    return f"{names} differ in {escape('; '.join(parts))}."


def question_before_deleting(runs: Sequence[RunEntry]) -> str:
    """What is lost if these runs are deleted."""
    names = ", ".join(entry.name for entry in runs)
    on_disk = [entry.kept for entry in runs if entry.kept is not None]
    corrected = sum(entry.corrected for entry in on_disk)
    size = sum(entry.bytes for entry in on_disk) / 1e6
    lines = [f"Delete {names}?"]
    if on_disk:
        lines.append(f"{size:.1f} MB on this disk are deleted too, for good.")
    if corrected:
        lines.append(f"Among them is the mask you corrected by hand ({corrected}).")
    if any(entry.kept is None and entry.number > 0 for entry in runs):
        lines.append("It lies in memory only, and cannot be had back.")
    if any(entry.kept is None and entry.number == 0 for entry in runs):
        lines.append("The files of a loaded run stay where they are.")
    return "\n".join(lines)


def _settings_line(record: RunRecord) -> str:
    differing = changed(record)
    if not differing:
        return "Settings: all as on the model's card."
    parts = [
        f"{name.replace('_', ' ')} {_value(name, here)} (card {_value(name, card)})"
        for name, (here, card) in differing.items()
    ]
    times = len(record.changes)
    midway = f" Changed on the way: {times}." if times else ""
    return f"Settings that differ from the card: {escape(', '.join(parts))}.{midway}"


def _value(name: str, value: Any) -> str:
    if value is None:
        return "none"
    about: Any = RefineSettings.model_fields[name].json_schema_extra
    unit = about["unit"] if about["unit"] in ("mm", "ml", "cycles/mm") else ""
    text = f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
    return f"{text} {unit}".strip()
