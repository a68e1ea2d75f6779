"""How do frames become an mp4 or a gif, each written as it is drawn?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_itermask.figures.film.canvas import HIDDEN, MASK, Pixels, table_of

ENDINGS = (".mp4", ".gif")


def ready_for(path: Path) -> None:
    """Refuse, before any frame is drawn, what could not be written.

    Raises
    ------
    ValueError
        If the ending is neither .mp4 nor .gif.
    FileNotFoundError
        If the folder is not there.
    ModuleNotFoundError
        If the libraries of the extra "movie" are not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"{path.name} is no movie: let its name end in {' or '.join(ENDINGS)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it first, or choose another.")
    try:
        import av  # noqa: F401
        import imageio  # noqa: F401
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f'movies need {missing.name}: pip install "napari-itermask[movie]" brings it.'
        ) from None


def write_frames(path: Path, frames: Iterable[Pixels], size: tuple[int, int], fps: float) -> None:
    """Write ``frames``, width and height of each even, to ``path``; few are held at a time."""
    if path.suffix.lower() == ".gif":
        _write_gif(path, frames, size, fps)
    else:
        _write_mp4(path, frames, fps)


def _write_mp4(path: Path, frames: Iterable[Pixels], fps: float) -> None:
    """H.264 in yuv420p, which every browser and PowerPoint plays, its index in front."""
    from imageio.v3 import imopen

    open_movie: Any = imopen  # its types know no options of the container
    options = {"movflags": "+faststart"}
    with open_movie(path, "w", plugin="pyav", options=options) as out:
        out.init_video_stream("libx264", fps=fps, pixel_format="yuv420p")
        for frame in frames:
            out.write_frame(frame)


def _write_gif(path: Path, frames: Iterable[Pixels], size: tuple[int, int], fps: float) -> None:
    """One palette for all frames, so that nothing flickers.

    imageio would hold all frames and give each a palette of its own, so PyAV is driven directly.
    """
    from fractions import Fraction

    import av

    palette = _palette()
    image = Image.new("P", (1, 1))
    image.putpalette(palette.tobytes())
    opaque = np.insert(palette, 0, 255, axis=1)  # ARGB
    with av.open(str(path), "w", format="gif") as out:
        stream: Any = out.add_stream("gif", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = size
        stream.pix_fmt = "pal8"
        for frame in frames:
            reduced = Image.fromarray(frame).quantize(palette=image, dither=Image.Dither.NONE)
            indexed: Any = (np.asarray(reduced), opaque)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(indexed, "pal8")))
        out.mux(stream.encode())


def _palette() -> NDArray[np.uint8]:
    """256 colours ``(256, 3)``: greys, the error's map, and outlines as they blend with greys."""
    greys = np.repeat(np.linspace(0, 255, 88)[:, None], 3, 1)
    error = table_of("inferno")[np.linspace(0, 255, 104).astype(int)]
    blends = [
        (1 - share) * grey + share * np.array(colour)
        for colour in (MASK, HIDDEN)
        for share in (0.4, 0.6, 0.8, 1.0)
        for grey in np.linspace(0, 224, 8)
    ]
    colours: NDArray[np.uint8] = np.rint(np.concatenate([greys, error, blends])).astype(np.uint8)
    return colours
