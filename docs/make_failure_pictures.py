"""Draw the pictures of docs/failure-cases.md: two real scans, with the card's threshold and mended.

    python docs/make_failure_pictures.py [--data ../shared/data]

Only ms-19 (Lesjak 2017, CC BY) and glioma-tcga-du-7294 (TCGA) are drawn; without the development
data nothing is made.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from napari_itermask.cli import app

IMAGES = Path(__file__).parent / "images"
CASES = (
    ("glioma-tcga-du-7294", "6", "A 99", "failure-glioma"),
    ("ms-19", "0.5", "A largest", "failure-ms"),
)
"""Case, the threshold that mends it, the slice that shows it, and the picture's name."""


def main() -> None:
    """Refine each case twice, print what is wrong with it, and draw both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("ITERMASK_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    args = parser.parse_args()
    for case, threshold, slices, picture in CASES:
        folder = args.data / "cases" / case
        if not folder.is_dir():
            parser.error(f"{folder} is absent: give --data or ITERMASK_DATA.")
        with tempfile.TemporaryDirectory() as place:
            draw(folder, threshold, slices, Path(place), IMAGES / f"{picture}.png")


def draw(folder: Path, threshold: str, slices: str, place: Path, picture: Path) -> None:
    """One case: the card's run in the first row, the mended one in the second."""
    scan, truth = folder / "flair.nii.gz", folder / "lesion.nii.gz"
    plain = ("refine", scan, "--no-search", "--passes")
    shell(*plain, "--out", place / "card")
    by_hand = ("--threshold-rule", "manual", "--manual-threshold", threshold)
    shell(*plain, *by_hand, "--out", place / "mended")
    for run in ("card", "mended"):
        print(shell("inspect", place / run, "--truth", truth))
    shell(
        *("figure", "panel", place / "card", place / "mended", "--truth", truth),
        *("--label", "card's threshold", "--label", f"threshold {threshold}"),
        *("--slices", slices, "--columns", "input,error,mask,agreement"),
        *("--width", "180", "--dpi", "200", "--no-recipe", "--out", picture, "--overwrite"),
    )


def shell(*words: object) -> str:
    """Run one command of napari-itermask; returns what it printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exit_code:
        raise SystemExit(result.output)
    return result.output


if __name__ == "__main__":
    main()
