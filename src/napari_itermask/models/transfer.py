"""How a model moves from one machine to another: one zip of four known files, and no code."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from napari_itermask.models.golden import GOLDEN, check_golden
from napari_itermask.models.store import (
    CARD,
    WEIGHTS,
    Model,
    ModelError,
    load_model,
    read_card,
    read_weights,
    save_model,
    user_folder,
)
from napari_itermask.scans.files import write_whole

LIMITS = {CARD: 2_000_000, WEIGHTS: 1_000_000_000, "README.md": 2_000_000, GOLDEN: 1_000_000}
"""The only files that a model's zip may hold, and how many bytes each may have."""
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def export_model(model: Model, file: Path, *, overwrite: bool = False) -> Path:
    """Pack a model's folder into ``file`` (.zip); what else lies in the folder stays there.

    Raises
    ------
    ModelError
        If the model is a bare checkpoint, or the file is there already.
    """
    folder = model.weights.parent
    if model.weights.name != WEIGHTS or not (folder / CARD).exists():
        raise ModelError(
            f"{model.weights} is a bare checkpoint: make it a model first (napari-itermask models "
            "add)."
        )
    if file.suffix.lower() != ".zip":
        raise ModelError(f"{file} is no name for a zip: give one that ends in .zip.")
    if file.exists() and not overwrite:
        raise ModelError(f"{file} is there already: choose another name (or --overwrite).")

    def write(part: Path) -> None:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as out:
            for name in LIMITS:
                if (folder / name).exists():
                    out.write(folder / name, f"{model.card.name}/{name}")

    write_whole(file, write)
    return file


def import_model(file: Path, *, overwrite: bool = False) -> Model:
    """Unpack a model's zip into the user's folder, once everything in it has been checked.

    Raises
    ------
    ModelError
        If the zip holds anything but a model's files, they are no model, or there is one of that
        name already.
    """
    home = user_folder()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=home) as place:
        folder = Path(place) / "model"
        folder.mkdir()
        _unpack(file, folder)
        card = read_card(folder)
        _check_name(card.name)
        if not (folder / WEIGHTS).exists():
            raise ModelError(f"{file} holds a card but no {WEIGHTS}: export the model again.")
        model = Model(card, folder / WEIGHTS)
        _ = model.network  # what is no network is refused now
        found = check_golden(model, "cpu", "plain")
        if found is not None and not found.passed:
            raise ModelError(
                f"{file} does not compute what was recorded when it was made (off by "
                f"{found.off:.2g}): it was damaged or changed; get it again."
            )
        return _move(folder, card.name, overwrite=overwrite)


def add_model(
    checkpoint: Path,
    modality: str,
    normalisation: str,
    name: str | None = None,
    *,
    overwrite: bool = False,
    **more: Any,
) -> Model:
    """Make a model with a card out of a checkpoint, in the user's folder; weights stay float32.

    Raises
    ------
    ModelError
        If the checkpoint cannot be used, the name is no folder's name, or is taken.
    """
    opened = load_model(checkpoint, modality=modality, normalisation=normalisation, **more)
    if not checkpoint.is_file():
        raise ModelError(f"{checkpoint} is no checkpoint: give a .pth, .pt or .safetensors file.")
    name = name or checkpoint.stem
    _check_name(name)
    card = opened.card.model_copy(
        update={
            "name": name,
            "summary": f"Made from the checkpoint {checkpoint.name}.",
            "limits": ("What it was trained on is not known to this card.",),
        }
    )
    home = user_folder()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".add-", dir=home) as place:
        folder = Path(place) / "model"
        save_model(folder, card, read_weights(checkpoint), half=False)
        return _move(folder, name, overwrite=overwrite)


def _unpack(file: Path, folder: Path) -> None:
    if not file.exists():
        raise ModelError(f"{file} does not exist: check the path.")
    try:
        with zipfile.ZipFile(file) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    _unpack_one(file, packed, info, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelError(
            f"{file} is not a zip that can be read ({str(error).rstrip('.')}): get it again."
        ) from None


def _unpack_one(file: Path, packed: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    """One member, by its last name alone; never more bytes than its kind may have."""
    path = PurePosixPath(info.filename)
    if path.name not in LIMITS or len(path.parts) > 2 or ".." in path.parts or path.is_absolute():
        raise ModelError(
            f"{file} holds {info.filename!r}, which is no part of a model ({', '.join(LIMITS)}): "
            "it was not opened."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ModelError(f"{file} holds a link, {info.filename!r}: it was not opened.")
    target, most = folder / path.name, LIMITS[path.name]
    if target.exists():
        raise ModelError(f"{file} holds {path.name} twice: it was not opened.")
    left = most
    with packed.open(info) as source, target.open("wb") as out:
        while block := source.read(1 << 20):
            left -= len(block)
            if left < 0:
                raise ModelError(
                    f"{file} holds a {path.name} of more than {most / 1e6:g} MB: it was not opened."
                )
            out.write(block)


def _check_name(name: str) -> None:
    if not SAFE_NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} is no name for a model: use letters, digits, dots, dashes (--name)."
        )


def _move(folder: Path, name: str, *, overwrite: bool) -> Model:
    target = user_folder() / name
    if target.exists():
        if not overwrite:
            raise ModelError(
                f"there is a model {name!r} already in {user_folder()}: remove it first (or "
                "--overwrite)."
            )
        shutil.rmtree(target)
    folder.rename(target)
    return load_model(target)
