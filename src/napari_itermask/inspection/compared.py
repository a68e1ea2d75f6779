"""What sets two stories apart: two voxels, two regions, or one place in two runs?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.inspection.story import Story


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two stories side by side, over the passes that both have.

    Attributes
    ----------
    first, second
        The stories.
    at
        ``(n, 2)``: where each pass that both have stands in the first and in the second. Passes are
        matched by phase and number, those of the last refinement alone.
    sentence
        How they ended, and whose error was larger.
    """

    first: Story
    second: Story
    at: NDArray[np.intp]
    sentence: str

    def pair(self, name: str) -> NDArray[np.float64]:
        """A column of both ("error", "rank", ...) over the passes that both have, ``(n, 2)``."""
        one, two = getattr(self.first, name), getattr(self.second, name)
        return np.stack([one[self.at[:, 0]], two[self.at[:, 1]]], axis=1)

    def as_json(self) -> dict[str, Any]:
        """Both stories as plain values, and the sentence."""
        return {
            "sentence": self.sentence,
            "first": self.first.as_json(),
            "second": self.second.as_json(),
        }


def compare(first: Story, second: Story) -> Comparison:
    """Set two stories side by side."""
    one, two = _numbered(first), _numbered(second)
    at = np.array([(one[k], two[k]) for k in one if k in two], np.intp).reshape(-1, 2)
    return Comparison(first, second, at, _sentence(first, second, at))


def _numbered(story: Story) -> dict[tuple[str, int], int]:
    """Where each pass stands; of refinements that began again the last one counts."""
    begin = story.refinement.start
    return {
        (phase, int(story.number[i])): i
        for i, phase in enumerate(story.phase)
        if phase == "search" or i >= begin
    }


def _sentence(first: Story, second: Story, at: NDArray[np.intp]) -> str:
    ends = [f"{s.name} {_ended(s)}" for s in (first, second)]
    text = f"{ends[0][0].upper()}{ends[0][1:]}; {ends[1]}"
    refined = [a for a in at if first.phase[a[0]] == "refine"] or list(at)
    ratios = [
        (first.error[i] / first.threshold[i], second.error[j] / second.threshold[j])
        for i, j in refined
        if first.threshold[i] > 0 and second.threshold[j] > 0
    ]
    known = [(a, b) for a, b in ratios if np.isfinite(a) and np.isfinite(b)]
    if not known:
        return f"{text}."
    larger = sum(a > b for a, b in known)
    passes = f"{larger} of {len(known)} passes" if len(known) > 1 else f"{larger} of 1 pass"
    last = known[-1]
    return (
        f"{text}. Measured by the threshold, the first one's error is the larger in {passes}; in "
        f"the last that both have it is {last[0]:.3g} times the threshold, the other's "
        f"{last[1]:.3g} times."
    )


def _ended(story: Story) -> str:
    part = story.refinement
    stays, number = story.stays[part], story.number[part]
    if story.outcome is None:
        return f"stayed masked in {100 * stays[-1]:.0f} % of its voxels"
    if story.outcome == "outside":
        return "lies outside the brain"
    if story.outcome == "never masked":
        return "was never hidden"
    if stays[-1] > 0.5:
        return "stayed masked" if story.outcome == "stayed" else "left and came back"
    left = int(np.flatnonzero(story.masked[part] > stays)[-1])
    how = "was removed" if story.outcome == "removed" else "left"
    return f"{how} in pass {number[left]}"
