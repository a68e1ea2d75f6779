"""What a training leaves to look at: a row a step in a CSV, curves and pictures in TensorBoard."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_itermask.scans.files import write_whole

CURVE, VALIDATION = "losses.csv", "validation.csv"
CURVE_FIELDS = ("step", "loss", "rate", "seconds")


class Log:
    """Rows of each step and of each validation; what lies after step ``first`` is cut off first.

    A killed training has logged steps after its last saved state: those are made again, so their
    rows must go.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._folder = folder
        self.losses = [float(r["loss"]) for r in _cut(folder / CURVE, first)]
        _cut(folder / VALIDATION, first)
        self._rows: list[tuple[Any, ...]] = []
        self._board: Any = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first + 1)

    def step(self, step: int, loss: Any, rate: float, seconds: float) -> None:
        """Note a step; its loss stays on the device until :meth:`flush`."""
        self._rows.append((step, loss, rate, seconds))

    def flush(self) -> list[float]:
        """Write what was noted; the losses of it."""
        rows, self._rows = self._rows, []
        losses = [float(row[1]) for row in rows]
        text = [
            (step, f"{loss:.6g}", f"{rate:.4g}", f"{seconds:.3f}")
            for (step, _, rate, seconds), loss in zip(rows, losses, strict=True)
        ]
        _append(self._folder / CURVE, CURVE_FIELDS, text)
        if self._board is not None:
            for (step, _, rate, _), loss in zip(rows, losses, strict=True):
                self._board.add_scalar("loss", loss, step)
                self._board.add_scalar("rate", rate, step)
        self.losses += losses
        return losses

    def validation(self, step: int, values: dict[str, float | None], picture: Any = None) -> None:
        """Write one validation, and its picture ``(H, W, 3)`` uint8."""
        row = [f"{v:.6g}" if v is not None else "" for v in values.values()]
        _append(self._folder / VALIDATION, ("step", *values), [(step, *row)])
        if self._board is not None:
            for name, value in values.items():
                if value is not None:
                    self._board.add_scalar(f"validation/{name}", value, step)
            if picture is not None:
                self._board.add_image("repaints", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write the rest and end the writer's thread."""
        self.flush()
        if self._board is not None:
            self._board.close()


def _append(path: Path, fields: tuple[str, ...], rows: list[Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(fields)
        writer.writerows(rows)


def _cut(path: Path, last: int) -> list[dict[str, str]]:
    """Keep the complete rows up to step ``last``; returns them."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        fields = reader.fieldnames or ()
        rows = [r for r in reader if None not in r.values() and (r["step"] or "x").isdigit()]
    kept = [r for r in rows if int(r["step"]) <= last]

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, fields)
            writer.writeheader()
            writer.writerows(kept)

    write_whole(path, write)
    return kept
