"""Which cases are to be looked at, and what was thought of each? A table that a person can edit.

A CSV file with one case a line. Its columns, in any order and any case: ``run`` (folder of a saved
run) or ``scan`` (a file) or both; ``brain_mask``, ``truth`` (files); ``flag`` (1, yes, true or x),
``difficulty`` (easy, medium, hard), ``comment``. Other columns stay as they are. Paths count from
where the table lies.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from napari_itermask.scans.files import write_whole

Difficulty = Literal["", "easy", "medium", "hard"]
FILES = ("run", "scan", "brain_mask", "truth")
WORDS = ("flag", "difficulty", "comment")
YES = ("1", "yes", "true", "x")
NO = ("", "0", "no", "false")


class CasesError(ValueError):
    """A table of cases that cannot be read; the message says which line, and what to do."""


@dataclass(frozen=True)
class Case:
    """One case: a saved run, or a scan to be refined, and what a person thought of it.

    ``more`` holds the table's other columns, as they were.
    """

    run: Path | None = None
    scan: Path | None = None
    brain_mask: Path | None = None
    truth: Path | None = None
    flag: bool = False
    difficulty: Difficulty = ""
    comment: str = ""
    more: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What it is called: its run's folder, else its scan."""
        path = self.run or self.scan
        return path.name if path else ""


@dataclass(frozen=True)
class Cases:
    """A table of cases, and the file that it is kept in."""

    path: Path
    rows: tuple[Case, ...]
    columns: tuple[str, ...] = field(default=(*FILES, *WORDS))
    separator: str = ","

    def noted(self, number: int, **words: object) -> Cases:
        """A copy in which case ``number`` (from 0) has another flag, difficulty or comment."""
        rows = list(self.rows)
        rows[number] = replace(rows[number], **words)  # type: ignore[arg-type]
        return replace(self, rows=tuple(rows))

    def save(self) -> Path:
        """Write the table to its file, whole; other columns and their order stay."""
        known = {c.strip().lower() for c in self.columns}
        columns = [*self.columns, *(w for w in WORDS if w not in known)]
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.separator, lineterminator="\n")
        writer.writerow(columns)
        for case in self.rows:
            writer.writerow([self._cell(case, column) for column in columns])
        text = out.getvalue()
        write_whole(self.path, lambda part: part.write_text(text, encoding="utf-8"))
        return self.path

    def _cell(self, case: Case, column: str) -> str:
        name = column.strip().lower()
        if name in FILES:
            path: Path | None = getattr(case, name)
            return "" if path is None else _from(path, self.path.parent)
        if name == "flag":
            return "1" if case.flag else ""
        if name in WORDS:
            return str(getattr(case, name))
        return dict(case.more).get(column, "")


def load_cases(path: str | os.PathLike[str]) -> Cases:
    """Read a table of cases.

    Raises
    ------
    CasesError
        If it has no column "run" or "scan", or a line names neither, names a file that is not
        there, or says something else than its column allows.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CasesError(
            f"{file} cannot be read ({type(error).__name__}): check the path."
        ) from None
    separator = _separator(text)
    lines = list(csv.reader(io.StringIO(text), delimiter=separator))
    columns = tuple(lines[0]) if lines else ()
    names = [c.strip().lower() for c in columns]
    if not {"run", "scan"} & set(names):
        raise CasesError(
            f'{file} has no column "run" or "scan" (it has {", ".join(columns) or "none"}): name '
            "the column of the runs' folders or of the scans so."
        )
    rows = [
        _case(file, number, dict(zip(names, line, strict=False)), columns, line)
        for number, line in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in line)
    ]
    if not rows:
        raise CasesError(f"{file} lists no case: give a line for each below its titles.")
    return Cases(file, tuple(rows), columns, separator)


def _case(
    file: Path, number: int, cells: dict[str, str], columns: Sequence[str], line: Sequence[str]
) -> Case:
    cells = {name: cell.strip() for name, cell in cells.items()}
    paths: dict[str, Path | None] = {}
    for name in FILES:
        text = cells.get(name, "")
        paths[name] = (file.parent / text) if text else None
        found = paths[name]
        if found is not None and not found.exists():
            raise CasesError(
                f"{file}, line {number}: {name} {found} does not exist: mend the path."
            )
    if paths["run"] is None and paths["scan"] is None:
        raise CasesError(f"{file}, line {number} names neither a run nor a scan: fill one in.")
    flag = cells.get("flag", "").lower()
    if flag not in YES + NO:
        raise CasesError(f"{file}, line {number}: flag {flag!r} is none: write 1 or nothing.")
    difficulty = cells.get("difficulty", "").lower()
    if difficulty not in get_args(Difficulty):
        raise CasesError(
            f"{file}, line {number}: difficulty {difficulty!r} is none: write easy, medium, hard "
            "or nothing."
        )
    more = tuple(
        (column, cell)
        for column, cell in zip(columns, line, strict=False)
        if column.strip().lower() not in FILES + WORDS
    )
    return Case(
        **paths,
        flag=flag in YES,
        difficulty=difficulty,  # type: ignore[arg-type]
        comment=cells.get("comment", ""),
        more=more,
    )


def _separator(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _from(path: Path, folder: Path) -> str:
    """The path as the table writes it: from where the table lies, if it is inside."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()
