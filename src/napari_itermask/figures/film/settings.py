"""What does a movie show, how fast, and how large?"""

from __future__ import annotations

from dataclasses import dataclass

from napari_itermask.figures.style import Convention, FigureError

LARGEST = "A largest C largest S largest"
SIZE, GIF_SIZE = (1280, 720), (800, 450)
LEAST, MOST = (480, 270), (3840, 2160)
SEARCH_SPEED = 5
"""How many times faster the passes of the search go by: there are a hundred."""


@dataclass(frozen=True)
class MovieSettings:
    """What a movie shows, and how fast.

    Attributes
    ----------
    slices
        As MRIcroGL writes them, see :func:`~napari_itermask.figures.slices.parse_slices`.
    turn
        Degrees that the head turns in 3-D over the whole movie; None: slices.
    search
        Whether the passes of the search come first.
    fps
        Frames per second.
    seconds_per_pass
        How long a pass of the refinement is seen; one of the search a fifth of that.
    hold
        How many seconds the last pass stays longer.
    size
        Width and height in pixels, odd sides made even; None: 1280 x 720, a gif 800 x 450.
    convention
        Which side of the head is left in slices.
    """

    slices: str = LARGEST
    turn: float | None = None
    search: bool = False
    fps: float = 20.0
    seconds_per_pass: float = 0.5
    hold: float = 2.0
    size: tuple[int, int] | None = None
    convention: Convention = "neurological"

    def __post_init__(self) -> None:
        for name, low, high in (("fps", 1, 60), ("seconds_per_pass", 0.02, 60), ("hold", 0, 60)):
            if not low <= getattr(self, name) <= high:
                raise FigureError(
                    f"{name.replace('_', ' ')} must lie between {low} and {high}, got "
                    f"{getattr(self, name):g}."
                )
        if self.turn is not None and not 0 < abs(self.turn) <= 36_000:
            raise FigureError(f"turn must be so many degrees, as 360, got {self.turn:g}.")
        if self.size is not None:
            width, height = self.size
            if not (LEAST[0] <= width <= MOST[0] and LEAST[1] <= height <= MOST[1]):
                raise FigureError(
                    f"a movie of {width} x {height} pixels cannot be made: give a size between "
                    f"{LEAST[0]}x{LEAST[1]} and {MOST[0]}x{MOST[1]}."
                )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels, even: yuv420p halves them."""
        width, height = self.size or SIZE
        return width - width % 2, height - height % 2
