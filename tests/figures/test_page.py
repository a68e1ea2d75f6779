"""On every kind of figure, at a column's and a page's width, all words can be read."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from napari_itermask.figures.draw import draw
from napari_itermask.figures.recipe import FigureRecipe

LONG = "A title that is so long that it cannot stand in one line above a narrow figure"


@pytest.fixture(scope="module")
def recipes(saved):
    one, two = (str(saved.sample),), (str(saved.sample), str(saved.phantom))
    truth = {"truth": (str(saved.sample_truth),)}
    truths = {"truth": (str(saved.sample_truth), str(saved.phantom_truth))}
    searched = {"against": (str(saved.searched),)}
    many = "input,guide,mask@1,reconstruction,error,mask,agreement"
    return {
        "panel": {"runs": two, **truths, "columns": many, "title": LONG},
        "panel of one": {"runs": one, "slices": "A 20 -30 S 10 C 0"},
        "lightbox": {"runs": one, **truth},
        "lightbox of errors": {"runs": one, "show": "error", "plane": "sagittal", "title": LONG},
        "curve": {"runs": (str(saved.searched),)},
        "curve of two": {"runs": (str(saved.searched),) * 2, "full": True, "label": (LONG, "b")},
        "passes": {"runs": one},
        "passes of two": {"runs": two, "label": (LONG, "b")},
        "dice": {"runs": two, **truths},
        "dice by lesion": {"runs": one, **truth, **searched, "by": "lesion", "title": LONG},
        "paired": {"runs": one, **truth, **searched, "set_name": (LONG, "b")},
        "roc": {"runs": two, **truths, "label": (LONG, "b")},
    }


KINDS = (
    *("panel", "panel of one", "lightbox", "lightbox of errors", "curve", "curve of two"),
    *("passes", "passes of two", "dice", "dice by lesion", "paired", "roc"),
)


@pytest.mark.parametrize(
    ("kind", "width"),
    [*((kind, 85) for kind in KINDS), *((kind, 180) for kind in ("panel", "curve", "roc"))],
)
def test_words_overlap_nowhere_and_stay_on_the_page(kind, width, recipes):
    recipe = FigureRecipe(kind=kind.split()[0], width=width, dpi=100, **recipes[kind])
    figure = draw(recipe, lambda _: None)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]
    texts = [text for text in texts if text.get_text().strip()]
    boxes = [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in texts]
    assert boxes
    page = figure.bbox
    assert page.width == pytest.approx(width / 25.4 * 100)
    for words, box in boxes:
        assert box.x0 >= 0, words
        assert box.y0 >= 0, words
        assert box.x1 <= page.width, words
        assert box.y1 <= page.height, words
    for (words, one), (others, two) in itertools.combinations(boxes, 2):
        across = min(one.x1, two.x1) - max(one.x0, two.x0)
        up = min(one.y1, two.y1) - max(one.y0, two.y0)
        assert min(across, up) <= 0.5, (words, others)
    # As printed: nothing smaller than a point under the size that was asked for.
    assert min(t.get_fontsize() for t in texts) >= recipe.font_size - 1
