"""What a training was, for later: scans with their hashes, versions, settings, seconds, losses."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from napari_itermask.scans.files import write_whole
from napari_itermask.training.prepared import Prepared
from napari_itermask.training.settings import TrainSettings
from napari_itermask.training.sources import Source

RECORD = "training.json"
PACKAGES = ("napari-itermask", "torch", "lightning-fabric", "torchio", "numpy", "scipy", "nibabel")


@dataclass(frozen=True)
class Facts:
    """What is known of a training once it ends."""

    command: str
    source: Source
    settings: TrainSettings
    learnt: Sequence[Prepared]
    held_out: Sequence[Prepared]
    steps: int
    seconds: float
    losses: Sequence[float]
    validations: Sequence[dict[str, Any]]
    chosen: str
    device: str
    devices: int
    precision: str

    def as_json(self) -> dict[str, Any]:
        """The record; names and hashes of the scans, not their paths."""
        return {
            "format": 1,
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": without_folders(self.command),
            "versions": _versions(),
            "device": self.device,
            "devices": self.devices,
            "precision": self.precision,
            "settings": self.settings.model_dump(mode="json"),
            "source": {"kind": self.source.kind, "notes": list(self.source.notes)},
            "learnt_from": [_scan(p) for p in self.learnt],
            "held_out": [_scan(p) for p in self.held_out],
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "loss": {"first": _mean(self.losses[:50]), "last": _mean(self.losses[-50:])},
            "validations": list(self.validations),
            "weights": self.chosen,
        }

    def sentence(self) -> str:
        """The training in a few words, for the card."""
        s = self.settings
        heads = len({p.item.subject or p.item.name for p in self.learnt})
        how = (
            "T1 brains given this contrast by their labels" if self.translated else "healthy scans"
        )
        start = "" if s.start is None else f"From the weights of {s.start}: "
        return (
            f"{start}{self.steps} steps of batch {s.batch} on {heads} {how} ({len(self.held_out)} "
            f"held out), Adam {s.rate:g} with cosine decay, moving average of the weights, "
            f"{self.precision}, {self.seconds / 60:.0f} minutes on {self.devices} x {self.device}; "
            f"weights: {self.chosen}. Chance: seed {s.seed}."
        )

    @property
    def translated(self) -> bool:
        """Whether the scans were T1 brains, given the contrast by their labels."""
        return any(p.labelled for p in self.learnt)


def write_record(folder: Path, facts: Facts) -> None:
    """Write ``training.json``."""
    text = json.dumps(facts.as_json(), indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / RECORD, lambda part: part.write_text(text, encoding="utf-8"))


def without_folders(command: str) -> str:
    """The command with the last name of each path: a record travels, folders stay at home."""
    return shlex.join(Path(word).name or word for word in shlex.split(command))


def _scan(prepared: Prepared) -> dict[str, str]:
    return {"name": prepared.item.name, "sha256": prepared.digest}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _mean(losses: Sequence[float]) -> float | None:
    return round(float(np.mean(losses)), 5) if len(losses) else None
