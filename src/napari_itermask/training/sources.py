"""Which healthy scans a training gets: of a folder, a list, BIDS, the authors' layout, or pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_itermask.scans.modality import modality_of_name
from napari_itermask.scans.scan import stem

ENDINGS = (".nii.gz", ".nii", ".mgz", ".mgh")
MASKS = ("_brain_mask", "_brainmask", "_mask")
"""A file named as a scan with one of these after it is that scan's brain mask."""
NO_SCAN = (*MASKS, "_labels", "_label", "_seg", "_dseg", "_probseg", "_highfreq")
BIDS_SUFFIX = {"flair": "FLAIR", "t1": "T1w", "t2": "T2w"}
FEWEST = 2
LABELLED = "T1 with labels"


@dataclass(frozen=True)
class Item:
    """One healthy scan: its files, and whose head it is (a head is never on both sides)."""

    name: str
    image: Path
    brain: Path | None = None
    labels: Path | None = None
    subject: str = ""


@dataclass(frozen=True)
class Source:
    """All scans of a training, how they were found, and what a reader should be told."""

    kind: str
    root: Path
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()


def find_source(path: Path, modality: str, names: Path | None = None) -> Source:
    """Find the healthy scans that ``path`` holds.

    Parameters
    ----------
    path
        A text file with one scan a line (and, after a tab or comma, its brain mask); a BIDS root;
        a root with ``<modality>/`` and perhaps ``brainmask/`` (the layout of the authors' code); a
        folder with ``*_t1.nii.gz`` and ``*_labels.nii.gz``; or a folder of scans.
    modality
        "flair", "t1", ...: which scans are taken where names say what they are.
    names
        Text file of the names to take, one a line; None: all.

    Raises
    ------
    FileNotFoundError, ValueError
        If there are not at least two scans there.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the path.")
    source = _from_list(path) if path.is_file() else _from_folder(path, modality)
    names = names or _names_file(source)
    if names is not None:
        source = _only(source, names)
    if len(source.items) < FEWEST:
        raise ValueError(
            f"{path} holds {len(source.items)} {modality.upper()} scans ({source.kind}), too few "
            "to learn from: give a folder or list of at least two healthy scans."
        )
    return source


def split(items: Sequence[Item], held_out: int | None, seed: int) -> tuple[list[Item], list[Item]]:
    """Part the scans into those to learn from and those held out, whole heads at a time.

    ``held_out`` None: a tenth, at least one and at most ten, none of under four heads.

    Raises
    ------
    ValueError
        If nothing would be left to learn from.
    """
    heads = sorted({item.subject or item.name for item in items})
    count = held_out
    if count is None:
        count = 0 if len(heads) < 4 else min(10, max(1, len(heads) // 10))
    if count >= len(heads):
        raise ValueError(
            f"--validation {count} would hold out all of {len(heads)} heads: hold out fewer."
        )
    chosen = {heads[i] for i in np.random.default_rng([seed, 7]).permutation(len(heads))[:count]}
    learn = [item for item in items if (item.subject or item.name) not in chosen]
    return learn, [item for item in items if (item.subject or item.name) in chosen]


def _from_list(path: Path) -> Source:
    if path.name.lower().endswith(ENDINGS):
        raise ValueError(f"{path} is a single scan: give a folder or a text list of healthy scans.")
    items = []
    for line in _lines(path):
        first, *rest = (part.strip() for part in line.replace("\t", ",").split(","))
        files = [path.parent / part for part in (first, *rest[:1]) if part]
        for file in files:
            if not file.exists():
                raise FileNotFoundError(f"{path} lists {file}, which does not exist: correct it.")
        items.append(Item(stem(files[0]), files[0], files[1] if files[1:] else None))
    return Source("list", path, tuple(items))


def _from_folder(root: Path, modality: str) -> Source:
    if (root / "dataset_description.json").exists() or any(root.glob("sub-*/")):
        return _from_bids(root, modality)
    layout = next((d for d in root.iterdir() if d.is_dir() and d.name.lower() == modality), None)
    if layout is not None:
        return _from_authors(root, layout)
    pairs = [
        Item(stem(t1).removesuffix("_t1"), t1, labels=labels)
        for t1 in sorted(root.glob("*_t1.nii.gz"))
        if (labels := t1.with_name(t1.name.replace("_t1.nii.gz", "_labels.nii.gz"))).exists()
    ]
    if pairs:
        note = f"{len(pairs)} T1 brains with region labels are given the contrast of {modality}."
        return Source(LABELLED, root, tuple(pairs), (note,))
    files = _scans(root.iterdir()) or _scans(root.rglob("*"))
    named = [file for file in files if modality_of_name(file) in (None, modality)]
    notes: tuple[str, ...] = ()
    if len(named) < len(files):
        notes = (f"{len(files) - len(named)} files are named as another modality and left out.",)
    return Source("folder", root, tuple(Item(stem(f), f, _mask_beside(f)) for f in named), notes)


def _from_bids(root: Path, modality: str) -> Source:
    suffix = BIDS_SUFFIX.get(modality, modality)
    items, masks = [], 0
    for image in _scans(root.glob(f"sub-*/**/*_{suffix}.nii*")):
        entities = image.name.split("_")
        subject = entities[0]
        session = next((e for e in entities if e.startswith("ses-")), "")
        brain = _bids_mask(root, image, subject, session)
        masks += brain is not None
        items.append(Item(stem(image), image, brain, subject=subject))
    note = f"{masks} of {len(items)} {suffix} scans have a brain mask (*_desc-brain_mask)."
    return Source("BIDS", root, tuple(items), (note,))


def _bids_mask(root: Path, image: Path, subject: str, session: str) -> Path | None:
    """The brain mask in the scan's own space: beside it, or in any of the derivatives."""
    beside = sorted(image.parent.glob(f"{subject}_*desc-brain_mask.nii*"))
    folder = "/".join(part for part in (subject, session, image.parent.name) if part)
    derived = sorted(root.glob(f"derivatives/*/{folder}/{subject}_*desc-brain_mask.nii*"))
    space = next((e for e in image.name.split("_") if e.startswith("space-")), None)
    for mask in (*beside, *derived):
        if next((e for e in mask.name.split("_") if e.startswith("space-")), None) == space:
            return mask
    return _mask_beside(image)


def _from_authors(root: Path, folder: Path) -> Source:
    brains = {stem(f): f for f in _files((root / "brainmask").glob("*"))}
    images = _files(folder.iterdir())
    items = tuple(Item(stem(f), f, brains.get(stem(f))) for f in images)
    notes = []
    if (root / f"{folder.name}_highfreq").is_dir():
        notes.append(f"{folder.name}_highfreq is not read: guides are made from the scans.")
    missing = sum(item.brain is None for item in items)
    if brains and missing:
        notes.append(f"{missing} scans have no mask in brainmask: theirs is found.")
    return Source("authors' layout", root, items, tuple(notes))


def _names_file(source: Source) -> Path | None:
    """The names file of the authors' layout, if there is just one."""
    found = sorted(source.root.glob("*.txt")) if source.kind == "authors' layout" else []
    return found[0] if len(found) == 1 else None


def _only(source: Source, names: Path) -> Source:
    if not names.exists():
        raise FileNotFoundError(f"{names} does not exist: check the path.")
    by_name = {item.name: item for item in source.items}
    wanted = [stem(Path(line)) for line in _lines(names)]
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise ValueError(
            f"{names} names {missing[0]}, which {source.root} does not hold"
            + (f" (nor {len(missing) - 1} others)" if missing[1:] else "")
            + ": correct the list, or give the folder that it belongs to."
        )
    note = f"{len(wanted)} of {len(by_name)} scans are named in {names.name}."
    return Source(
        source.kind, source.root, tuple(by_name[n] for n in wanted), (*source.notes, note)
    )


def _scans(paths: Iterable[Path]) -> list[Path]:
    return [f for f in _files(paths) if not stem(f).lower().endswith(NO_SCAN)]


def _files(paths: Iterable[Path]) -> list[Path]:
    return sorted(p for p in paths if p.name.lower().endswith(ENDINGS) and p.is_file())


def _mask_beside(image: Path) -> Path | None:
    base = stem(image)
    found = (image.with_name(base + mask + end) for mask in MASKS for end in ENDINGS)
    return next((file for file in found if file.exists()), None)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is no text list: give a text file with one scan a line, or a folder."
        ) from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
