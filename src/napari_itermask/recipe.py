"""How is this run made once more? As Python and as a shell command, made from its record."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import (
    CARD,
    EMBEDDED,
    ModelError,
    load_model,
    read_card,
    user_folder,
)
from napari_itermask.record import RECORD, RunRecord


def as_python(record: RunRecord, folder: str | os.PathLike[str] | None = None) -> str:
    """Python that makes the run again.

    Parameters
    ----------
    record
        Of the run.
    folder
        Where the run was saved, if it was: what only its run.json can tell is taken from there.

    Returns
    -------
    Lines that can be executed; only a comment, which says why, where nothing could make it again.
    """
    recipe = _recipe(record)
    if isinstance(recipe, str):
        if folder is None or not _names_files(record):
            return _comment(recipe, record)
        return (
            f"import napari_itermask as itm\n\nrun = itm.replay({str(Path(folder).resolve())!r})\n"
        )
    base = "itm.RefineSettings(" if recipe.published else "model.card.settings.replace("
    named = ", ".join(f"{k}={v!r}" for k, v in recipe.changes.items())
    settings = [f"{base}{named})"] if recipe.changes or recipe.published else []
    words = ["scan", "model", *settings, *(f"{k}={v!r}" for k, v in recipe.how.items())]
    return "\n".join(
        [
            "import napari_itermask as itm",
            "",
            f"scan = itm.load_scan({_call(recipe.scan, recipe.brain)})",
            f"model = itm.load_model({_call(recipe.model, recipe.told)})",
            f"run = itm.refine({', '.join(words)})",
            "",
        ]
    )


def as_command(record: RunRecord, folder: str | os.PathLike[str] | None = None) -> str:
    """The shell command that makes the run again; see :func:`as_python`."""
    recipe = _recipe(record)
    if isinstance(recipe, str):
        if folder is None or not _names_files(record):
            return _comment(recipe, record)
        words = ["napari-itermask", "refine", str(Path(folder).resolve() / RECORD)]
        return shlex.join(words) + "\n"
    words = ["napari-itermask", "refine", recipe.scan, "--model", recipe.model]
    told = {k.replace("normalisation", "normalise"): v for k, v in recipe.told.items()}
    preset = {"preset": "published"} if recipe.published else {}
    for name, value in {**recipe.brain, **told, **preset, **recipe.changes, **recipe.how}.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return shlex.join(words) + "\n"


@dataclass(frozen=True)
class _Recipe:
    """A run in words: values by the names of ``itm``'s parameters and of the shell's options."""

    scan: str
    brain: dict[str, str]
    model: str
    told: dict[str, str]  # what a bare checkpoint does not say
    published: bool  # whether the settings start from the published ones or from the card's
    changes: dict[str, Any]
    how: dict[str, Any]


def _recipe(record: RunRecord) -> _Recipe | str:
    """The run in words, or why only its run.json can tell."""
    model = _model(record)
    for told in (
        "its scan or its model lay in memory" if not _names_files(record) else "",
        "it began from a drawn mask" if record.start else "",
        "it was restricted to a drawn region" if record.within else "",
        "its brain mask was drawn" if record.beside else "",
        "its settings were changed while it went on" if record.changes else "",
        "" if record.complete else "it was ended early",
        "" if model else "its model is not where it was, or has another card now",
    ):
        if told:
            return told
    assert record.scan is not None
    assert model is not None
    brain = {}
    if record.brain_mask:
        brain["brain_mask"] = record.brain_mask.path
    elif record.brain_source.startswith("made by "):
        brain["strip"] = record.brain_source.removeprefix("made by ")
    published, changes = _changes(record)
    how: dict[str, Any] = {"device": record.device, "precision": record.precision}
    if not record.search:
        how["search"] = False
    name, told_by_user = model
    return _Recipe(record.scan.path, brain, name, told_by_user, published, changes, how)


def _changes(record: RunRecord) -> tuple[bool, dict[str, Any]]:
    """Whether to start from the published settings, and what differs from where it starts."""
    wanted = record.settings.model_dump()
    card, published = (
        {k: v for k, v in wanted.items() if v != base[k]}
        for base in (record.card.settings.model_dump(), RefineSettings().model_dump())
    )
    # The shell has no word for "none": only the published settings start from it.
    if None in card.values() or len(published) + 1 < len(card):
        return True, published
    return False, card


def _model(record: RunRecord) -> tuple[str, dict[str, str]] | None:
    """What ``load_model`` opens the same weights and card by, if anything."""
    if record.weights is None or not Path(record.weights.path).exists():
        return None
    weights, card = Path(record.weights.path), record.card
    if not (weights.parent / CARD).is_file():
        told = {"modality": card.modality, "normalisation": card.normalisation}
        return (str(weights), told) if card == ModelCard(name=weights.stem, **told) else None
    try:
        same = read_card(weights.parent) == card
        return (_name_of(weights), {}) if same else None
    except ModelError:
        return None


def _name_of(weights: Path) -> str:
    """The shortest name of a model's folder: its own where it is known by it, else its path."""
    folder = weights.parent
    if folder.parent in (user_folder().resolve(), EMBEDDED.resolve()):
        known = load_model(folder.name)  # a user's own model hides an embedded one of its name
        if known.weights.resolve() == weights:
            return folder.name
    return str(folder)


def _names_files(record: RunRecord) -> bool:
    return record.scan is not None and record.weights is not None


def _comment(why: str, record: RunRecord) -> str:
    if not _names_files(record):
        return f"# This run cannot be made again from files: {why}.\n"
    return (
        f"# This run can only be made again from its run.json ({why}): save it, then copy again.\n"
    )


def _call(first: str, named: dict[str, str]) -> str:
    return ", ".join([repr(first), *(f"{k}={v!r}" for k, v in named.items())])
