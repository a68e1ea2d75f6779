"""What is said beside the plots of a story: its sentence, its numbers, how two of them differ."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_itermask.inspection.story import Story


def words_of(story: Story, pinned: Story | None = None) -> str:
    """A story in HTML; with the pinned one, how the two differ comes first."""
    parts = []
    if pinned is not None and pinned is not story:
        from napari_itermask.inspection.compared import compare

        parts.append(f"<b>Against the pinned one.</b> {escape(compare(story, pinned).sentence)}")
    where = ", ".join(f"{round(c, 1) + 0.0:.1f}" for c in story.place)
    name = f"{story.name[0].upper()}{story.name[1:]}"
    parts.append(f"<b>{escape(name)}</b> (RAS {where} mm). {escape(story.sentence)}")
    numbers = _numbers(story)
    if numbers:
        parts.append(escape(numbers))
    parts += [f"<i>{escape(note)}</i>" for note in story.notes]
    return "<br>".join(parts)


def _numbers(story: Story) -> str:
    """What it is in the last pass of which anything is known."""
    said = [f"image {story.image:.4g}"]
    known = np.flatnonzero(np.isfinite(story.repaint))
    if np.isfinite(story.guide):
        said.append(f"guide {story.guide:.3g}")
    if len(known):
        last = int(known[-1])
        phase = "refinement" if story.phase[last] == "refine" else "search"
        said.insert(1, f"repainted as {story.repaint[last]:.4g}")
        said.append(
            f"larger error than {100 * story.rank[last]:.1f} % of the brain, in pass "
            f"{story.number[last]} of the {phase}"
        )
    return f"{'; '.join(said)}.".capitalize()
