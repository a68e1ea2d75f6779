"""What stands inside a figure's file beside the picture: writing it, and reading it again."""

from __future__ import annotations

import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.figures.style import FigureError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "napari-itermask"
"""Of the recipe among the texts of a PNG."""
_VECTOR: dict[Any, Any] = {
    "pdf.fonttype": 42,  # TrueType, as journals ask for
    "pdf.use14corefonts": False,
    "pdf.inheritcolor": False,
    "pdf.compression": 6,
    "svg.fonttype": "path",
    "svg.hashsalt": "napari-itermask",
    "svg.image_inline": True,
    "svg.id": None,
    "image.composite_image": True,
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
    "savefig.edgecolor": "auto",
    "savefig.transparent": False,
}
_LOCK = threading.Lock()


def write_figure(figure: Figure, path: Path, words: str, recipe: str = "") -> None:
    """Write a figure into ``path``, the same bytes for the same figure.

    ``words`` is for people, ``recipe`` for :func:`texts_of`. matplotlib knows the fonts of a
    PDF only from its settings, which are one state for all threads: they are changed under a lock,
    and only there.
    """
    kind, software = path.suffix.lower(), _software()
    if kind == ".png":
        texts = {"Software": software, "Description": words, **({KEY: recipe} if recipe else {})}
        _write_png(figure, path, texts)
        return
    import matplotlib as mpl

    if kind == ".svg":
        info = {"Creator": software, "Description": words, "Source": recipe or None, "Date": None}
    else:
        info = {"Creator": software, "Subject": words, "CreationDate": None}
        info |= {"Keywords": recipe} if recipe else {}
    with _LOCK, mpl.rc_context(_VECTOR):
        figure.savefig(path, format=kind[1:], dpi=figure.dpi, metadata=info)


def _write_png(figure: Figure, path: Path, texts: Mapping[str, str]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # journals want no transparency
    Image.fromarray(pixels).save(path, "png", dpi=(figure.dpi, figure.dpi), pnginfo=info)


def texts_of(file: Path) -> list[str]:
    """The texts in a figure's file; none if it is of another format.

    Raises
    ------
    FigureError
        If it is damaged.
    """
    readers: dict[str, Callable[[Path], list[str]]] = {
        ".png": _png_texts,
        ".svg": _svg_texts,
        ".pdf": _pdf_texts,
    }
    reader = readers.get(file.suffix.lower())
    try:
        return reader(file) if reader else []
    except (ET.ParseError, OSError, SyntaxError, ValueError) as error:
        raise FigureError(f"{file} cannot be read as a figure ({error}): check the file.") from None


def versions() -> dict[str, str]:
    """Of what draws a figure."""
    found = {}
    for name in ("napari-itermask", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _png_texts(file: Path) -> list[str]:
    from PIL import Image

    with Image.open(file) as image:
        image.load()  # texts may stand behind the pixels
        texts: Mapping[str, Any] = getattr(image, "text", {})
        return [str(text) for text in texts.values()]


def _svg_texts(file: Path) -> list[str]:
    return [element.text.strip() for element in ET.parse(file).iter() if element.text]


def _pdf_texts(file: Path) -> list[str]:
    """The strings of the file's information: matplotlib writes them plain, with escapes."""
    strings = re.findall(rb"/Keywords \(((?:\\.|[^\\()])*)\)", file.read_bytes(), re.DOTALL)
    return [
        re.sub(rb"\\(.)", rb"\1", s, flags=re.DOTALL).decode("ascii", "replace") for s in strings
    ]


def _software() -> str:
    return ", ".join(f"{name} {v}" for name, v in versions().items())
