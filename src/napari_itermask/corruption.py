"""How is a corrupted scan kept on disk, and made again from its draw alone?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_itermask.models.card import first_problem
from napari_itermask.notes import Tell, say
from napari_itermask.record import Source, claimed, mask_of_file, source_of, versions
from napari_itermask.scans.files import load_scan, save_volume, sha256, stem, write_whole
from napari_itermask.synthetic.corrupted import Corrupted, corrupt
from napari_itermask.synthetic.effects import check_severity, effect_named
from napari_itermask.synthetic.visible import SHARE

SCAN, BRAIN, TRUTH, DRAW = "scan.nii.gz", "brain_mask.nii.gz", "truth.nii.gz", "draw.json"
FILES = (SCAN, BRAIN, TRUTH, DRAW)
"""What a corrupted scan's folder holds."""


class DrawRecord(BaseModel):
    """What draw.json holds: all that makes the corrupted scan again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    effect: str
    severity: float
    seed: int
    draw: dict[str, Any]
    source: Source | None
    brain_source: str
    shape: tuple[int, int, int]
    truth_ml: float
    visible: float
    """The share of the brain's IQR above which a change belongs to the truth."""
    versions: dict[str, str]


def save_corrupted(
    made: Corrupted, folder: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write scan.nii.gz, brain_mask.nii.gz, truth.nii.gz and draw.json; returns the folder.

    Each file appears under its name only when it is complete; draw.json comes last, so a folder
    with it is whole.

    Raises
    ------
    FileExistsError
        If the folder holds a corrupted scan already, unless ``overwrite``.
    ValueError
        If the clean scan would be replaced.
    """
    out = Path(folder)
    check_folder(out, [made.source], overwrite=overwrite)
    record = DrawRecord(
        effect=made.effect,
        severity=made.severity,
        seed=made.seed,
        draw=made.draw,
        source=source_of(made.source),
        brain_source=made.scan.brain_source,
        shape=made.scan.image.shape,
        truth_ml=round(float(np.count_nonzero(made.truth)) * made.scan.voxel_ml, 4),
        visible=SHARE,
        versions=versions(),
    )
    with claimed(out, overwrite=True):
        (out / DRAW).unlink(missing_ok=True)
        save_volume(out / SCAN, made.scan.image, made.scan)
        save_volume(out / BRAIN, made.scan.brain, made.scan)
        save_volume(out / TRUTH, made.truth, made.scan)
        text = json.dumps(record.model_dump(mode="json"), indent=2) + "\n"
        write_whole(out / DRAW, lambda part: part.write_text(text, encoding="utf-8"))
    return out


def load_corrupted(folder: str | os.PathLike[str], *, tell: Tell | None = None) -> Corrupted:
    """Read what :func:`save_corrupted` wrote.

    Raises
    ------
    ValueError
        If the folder holds none, or a file of it is damaged or missing.
    """
    path = Path(folder)
    record = load_draw(path / DRAW)
    scan = load_scan(path / SCAN, path / BRAIN, tell=tell)
    if not (path / TRUTH).exists():
        raise ValueError(f"{path / TRUTH} is missing: corrupt the scan again.")
    truth = mask_of_file(path / TRUTH)
    if not truth.shape == scan.image.shape == record.shape:
        raise ValueError(f"the files of {path} do not fit each other: corrupt the scan again.")
    return Corrupted(
        scan=scan,
        truth=truth,
        effect=record.effect,
        severity=record.severity,
        seed=record.seed,
        draw=record.draw,
        source=Path(record.source.path) if record.source else None,
    )


def load_draw(path: Path) -> DrawRecord:
    """Read and check a draw.json; of a folder, the one in it.

    Raises
    ------
    ValueError
        If it is none.
    """
    path = path / DRAW if path.is_dir() else path
    try:
        return DrawRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(
            f"{path} does not exist, so {path.parent} holds no corrupted scan: check the path."
        ) from None
    except ValidationError as error:
        raise ValueError(
            f"{path} is not the draw of a corrupted scan: {first_problem(error)}."
        ) from None


def make_corrupted(
    scan: Path | None,
    effect: str | None = None,
    severity: float | None = None,
    seed: int | None = None,
    *,
    draw: Path | None = None,
    out: Path | None = None,
    brain_mask: Path | None = None,
    strip: str | None = None,
    overwrite: bool = False,
) -> tuple[Corrupted, Path]:
    """What the command does: corrupt a file, or do an earlier draw again, and save the folder.

    Raises
    ------
    ValueError
        If what is given does not go together, before anything is read.
    """
    if draw is not None:
        given = {"--effect": effect, "--severity": severity, "--seed": seed}
        too_many = [name for name, value in given.items() if value is not None]
        if too_many:
            raise ValueError(f"{draw} says it all: leave out {', '.join(too_many)}, or --draw.")
        where = draw if draw.is_dir() else draw.parent
        folder = out or Path(f"{stem(scan) if scan else where.resolve().name}_again")
        check_folder(folder, [scan, brain_mask, draw], overwrite=overwrite)
        made = corrupt_again(draw, scan, brain_mask, strip)
    else:
        if scan is None or effect is None:
            raise ValueError("give a SCAN and an --effect (--list names them), or a --draw.")
        effect = effect_named(effect).name
        severity = check_severity(1.0 if severity is None else severity)
        folder = out or Path(f"{stem(scan)}_{effect}")
        check_folder(folder, [scan, brain_mask], overwrite=overwrite)
        made = corrupt(load_scan(scan, brain_mask, strip), effect, severity, seed or 0)
    if made.severity and not made.truth.any():
        say(f"{made.effect} changed nothing visible in this brain: raise the severity.")
    return made, save_corrupted(made, folder, overwrite=overwrite)


def corrupt_again(
    draw: Path,
    scan: Path | None = None,
    brain_mask: Path | None = None,
    strip: str | None = None,
    *,
    tell: Tell | None = None,
) -> Corrupted:
    """Make a corrupted scan again from its draw.json, bit for bit, or do the same to another scan.

    Parameters
    ----------
    draw
        A draw.json, or its folder.
    scan
        None: the file that the draw was made on.
    brain_mask, strip
        Neither: for the same scan the brain mask beside draw.json, for another its own is found.

    Raises
    ------
    ValueError
        If the scan is gone or no longer the same, or has another shape.
    """
    record = load_draw(draw)
    if scan is None:
        if record.source is None:
            raise ValueError(f"{draw} was made on a scan in memory: say which file it is to be.")
        scan = Path(record.source.path)
        if not scan.exists():
            raise ValueError(f"{scan} is gone: say where it lies now.")
        if sha256(scan) != record.source.sha256:
            raise ValueError(
                f"{scan} is no longer the file that {draw} was made on: restore it, or name the "
                "scan to do the same to it."
            )
        same = True
    else:
        same = record.source is not None and scan.is_file() and sha256(scan) == record.source.sha256
        if not same:
            say(f"{scan} is not the scan that {draw} was made on: the same is done to it.", tell)
    beside = (draw if draw.is_dir() else draw.parent) / BRAIN
    if same and brain_mask is None and strip is None and beside.exists():
        brain_mask = beside
    loaded = load_scan(scan, brain_mask, strip, tell=tell)
    if loaded.image.shape != record.shape:
        raise ValueError(
            f"{scan} has the shape {loaded.image.shape}, the scan of {draw} had {record.shape}: "
            "a draw fits scans of one shape, so draw anew (--effect, --seed)."
        )
    return corrupt(loaded, record.effect, record.severity, record.seed, draw=record.draw)


def check_folder(folder: Path, inputs: Iterable[Path | None], *, overwrite: bool) -> None:
    """Before any long work: nothing that is there may be lost unasked, no input at all."""
    own = {(folder / name).resolve() for name in FILES}
    for file in inputs:
        if file is not None and file.resolve() in own:
            raise ValueError(f"{file} would be replaced by a result: choose another output folder.")
    held = [name for name in FILES if (folder / name).exists()]
    if held and not overwrite:
        raise FileExistsError(
            f"{folder} holds results already ({', '.join(held)}): choose another output folder, "
            "or allow them to be replaced (--overwrite, overwrite=True)."
        )


def summary(made: Corrupted, folder: Path) -> dict[str, Any]:
    """What a shell prints."""
    truth = int(np.count_nonzero(made.truth))
    return {
        "out": str(folder),
        "effect": made.effect,
        "severity": made.severity,
        "seed": made.seed,
        "truth_voxels": truth,
        "truth_ml": round(truth * made.scan.voxel_ml, 4),
        "truth_share_of_brain": round(truth / int(np.count_nonzero(made.scan.brain)), 4),
    }


__all__ = [
    "Corrupted",
    "DrawRecord",
    "corrupt_again",
    "load_corrupted",
    "load_draw",
    "make_corrupted",
    "save_corrupted",
]
