"""What figure is asked for: of which runs, with which truth; and can a shell command make it again?

Free of Qt and napari.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_itermask.figures.recipe import NO_TRUTH, FigureRecipe, Kind
from napari_itermask.figures.style import FigureError

if TYPE_CHECKING:
    from napari_itermask.record import RunRecord
    from napari_itermask.result import Run
    from napari_itermask.scans.intensity import Mask

DRAWN: tuple[Kind, ...] = ("panel", "curve", "passes", "lightbox", "roc", "dice")
"""The kinds that are drawn of this session's runs; to pair two settings is for the shell."""
_LIMITS = {"width": "30 and 600 mm", "dpi": "50 and 1200", "every": "0 and 200 mm"}


@dataclass(frozen=True, eq=False)
class Source:
    """A run as the window knows it: in memory, in a folder, or both.

    ``busy``: it is just being written to its folder.
    """

    serial: int
    name: str
    record: RunRecord
    run: Run | None
    folder: Path | None
    busy: bool = False

    @property
    def same(self) -> str:
        """Equal for runs of one scan."""
        scan = self.record.scan
        return scan.sha256 if scan else str(id(self.run.scan if self.run else self.record))


@dataclass(frozen=True, eq=False)
class Truth:
    """A mask ``(X, Y, Z)`` in the voxels of the open scan, a file, or both.

    ``same`` tells of which scan it is. Where there is a file the mask is read from it.
    """

    same: str
    mask: Mask | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Problem:
    """Why no shell command makes the figure again, and what to do, each without a full stop.

    ``mendable``: once runs and truth are saved, one does.
    """

    why: str
    do: str
    mendable: bool = False

    @property
    def sentence(self) -> str:
        """Both."""
        words = f"{self.why}: {self.do}."
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, eq=False)
class Asked:
    """A whole figure that is asked for.

    Attributes
    ----------
    recipe
        As the shell would have it; without a problem it is all that the figure is made of.
    sources
        The runs, in its order.
    truth
        What they are held against; None: nothing.
    problem
        None: a shell command makes it again.
    """

    recipe: FigureRecipe
    sources: tuple[Source, ...]
    truth: Truth | None = None
    problem: Problem | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for figures that look alike."""
        truth = self.truth
        runs = tuple((s.serial, id(s.run), s.folder) for s in self.sources)
        return self.recipe, runs, truth and (id(truth.mask), truth.path)


def ask(values: Mapping[str, Any], sources: Sequence[Source], truth: Truth | None = None) -> Asked:
    """Put together what is asked for.

    Parameters
    ----------
    values
        Fields of a recipe but its paths; those of other kinds are left out.
    sources
        One run at least.

    Raises
    ------
    FigureError
        If a value cannot be: one sentence.
    """
    kind = values["kind"]
    mine = {name: value for name, value in values.items() if belongs(name, kind)}
    if not belongs("truth", kind):
        truth = None
    if truth is not None and not any(_has(truth, source) for source in sources):
        truth = None
    many = len(sources) > 1
    try:
        recipe = FigureRecipe(
            runs=tuple(str(s.folder or s.name) for s in sources),
            truth=() if truth is None else _truth_words(truth, sources),
            label=tuple(s.name for s in sources) if many else (),
            **mine,
        )
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise FigureError(
            f"{name} must lie between {_LIMITS.get(name, 'its limits')}: change it."
        ) from None
    recipe.check()
    return Asked(recipe, tuple(sources), truth, _problem(sources, truth))


def belongs(name: str, kind: str) -> bool:
    """Whether a field of a recipe says something of that kind of figure."""
    about: Any = FigureRecipe.model_fields[name].json_schema_extra or {}
    return kind in about.get("of", (kind,))


def held_against(truth: Truth | None, sources: Sequence[Source]) -> list[bool]:
    """Whether each of ``sources`` is shown with the truth."""
    return [truth is not None and _has(truth, source) for source in sources]


def _has(truth: Truth, source: Source) -> bool:
    return truth.same == source.same


def _truth_words(truth: Truth, sources: Sequence[Source]) -> tuple[str, ...]:
    path = str(truth.path or NO_TRUTH)
    having = held_against(truth, sources)
    if all(having):
        return (path,)
    return tuple(path if has else NO_TRUTH for has in having)


def _problem(sources: Sequence[Source], truth: Truth | None) -> Problem | None:
    for source in sources:
        if source.record.scan is None:
            return Problem(
                f"the scan of {source.name} lies in no file, which a command could read",
                "save its layer as NIfTI, open that file and run again",
            )
    for source in sources:
        if source.folder is None and source.busy:
            return Problem(f"{source.name} is just being written to disk", "wait a moment")
    unsaved = [source.name for source in sources if source.folder is None]
    if unsaved:
        return Problem(
            f"{' and '.join(unsaved)} {'are' if len(unsaved) > 1 else 'is'} not saved yet",
            "save it first, then the command can name its folder",
            mendable=True,
        )
    if truth is not None and truth.path is None:
        return Problem(
            "the truth lies in this window only",
            "save it first, then the command can name its file",
            mendable=True,
        )
    return None
