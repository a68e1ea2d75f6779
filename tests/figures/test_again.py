"""A figure's file holds what draws it again: the same picture, from the shell and from Python."""

import shlex
import shutil
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

import napari_itermask as itm
from napari_itermask.figures.again import draw_again, read_embedded, save_figure
from napari_itermask.figures.draw import draw, draw_shown
from napari_itermask.figures.opening import open_runs
from napari_itermask.figures.panel import save_panel
from napari_itermask.figures.recipe import KINDS, FigureRecipe
from napari_itermask.figures.shown import Shown
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image)


@pytest.fixture
def words(saved):
    """What the shell is told, by kind of figure."""
    small = ("--dpi", 60)
    one = (saved.sample, "--truth", saved.sample_truth, *small)
    two = (saved.sample, saved.phantom, "--truth", saved.sample_truth)
    two = (*two, "--truth", saved.phantom_truth, *small)
    other = ("--against", saved.searched, "--set-name", "one", "--set-name", "two's")
    found = {
        "panel": (*one, "--slices", "A 20 L- S 10", "--range", "error=0,2", "--width", 85),
        "curve": (saved.searched, "--full", "--title", "A title", *small),
        "passes": (saved.sample, "--no-replay", *small),
        "dice": (*two, "--by", "lesion"),
        "paired": (*one, *other),
        "roc": (*one, "--label", "a -- b", "--width", "88.9"),
        "lightbox": (*one, "--every", 20, "--plane", "coronal", "--convention", "radiological"),
    }
    assert found.keys() == KINDS.keys()
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*drawn without its errors")
def test_again_gives_the_same_pixels_and_the_file_says_the_command(
    kind, words, shell, understood, tmp_path
):
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    shell(kind, *words[kind], "--out", first)
    shell("--again", first, "--out", again)
    assert np.array_equal(pixels(first), pixels(again))
    assert len(np.unique(pixels(first))) > 10
    with Image.open(first) as image:
        command = shlex.split(image.text["Description"])
    assert command[:3] == ["napari-itermask", "figure", kind]
    assert understood(*command[2:]) == understood(kind, *words[kind], "--out", "first.png")


@pytest.mark.parametrize("ending", [".svg", ".pdf"])
def test_vector_files_hold_their_recipe_and_are_made_again_byte_for_byte(
    ending, words, shell, tmp_path
):
    (tmp_path / "again").mkdir()
    file, again = tmp_path / f"a{ending}", tmp_path / "again" / f"a{ending}"
    shell("panel", *words["panel"], "--out", file)
    shell("--again", file, "--out", again)
    beside = read_embedded(file).beside
    # Only where the runs lie as seen from the file differs.
    assert read_embedded(again).model_copy(update={"beside": beside}) == read_embedded(file)
    assert file.stat().st_size == pytest.approx(again.stat().st_size, abs=100)
    png = tmp_path / "b.png"
    shell("--again", file, "--out", png)
    assert read_embedded(png).recipe == read_embedded(file).recipe
    if ending == ".pdf":
        content = file.read_bytes()
        assert b"/FontFile2" in content  # TrueType, embedded
        assert b"/Type3" not in content
        assert b"CreationDate" not in content
    else:
        root = ET.parse(file).getroot()
        assert float(root.get("width").removesuffix("pt")) == pytest.approx(85 / 25.4 * 72)


def test_a_persons_style_and_other_threads_change_nothing(saved, tmp_path):
    recipe = FigureRecipe(kind="panel", runs=(str(saved.sample),), slices="A 20", dpi=80)
    curve = FigureRecipe(kind="curve", runs=(str(saved.searched),), dpi=80)

    def drawn(name, recipe):
        return pixels(save_figure(draw(recipe), tmp_path / f"{name}.png"))

    plain = drawn("a", recipe), drawn("b", curve)
    style = {
        "font.size": 20,
        "font.family": "serif",
        "axes.facecolor": "red",
        "axes.grid": True,
        "figure.facecolor": "green",
        "figure.constrained_layout.use": True,
        "image.interpolation": "bilinear",
        "image.origin": "lower",
        "lines.linewidth": 7,
        "lines.marker": "s",
        "savefig.bbox": "tight",
        "text.color": "red",
        "xtick.direction": "in",
        "xtick.minor.visible": True,
        "axes.spines.top": False,
        "axes.linewidth": 5,
    }
    with mpl.rc_context(style):
        styled = drawn("c", recipe), drawn("d", curve)
        assert mpl.rcParams["font.size"] == 20
    before = dict(mpl.rcParams)
    with ThreadPoolExecutor(2) as threads:
        side_by_side = list(threads.map(drawn, "ef", (recipe, curve)))
    assert dict(mpl.rcParams) == before
    for one, two, three in zip(plain, styled, side_by_side, strict=True):
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)


def test_runs_in_memory_and_runs_in_folders_give_the_same_picture(sample, saved, tmp_path):
    recipe = FigureRecipe(
        kind="panel",
        runs=(str(saved.sample),),
        truth=(str(saved.sample_truth),),
        columns="input,guide,mask@0,mask@1,reconstruction,error,mask,agreement",
        slices="A largest 0 S 10",
        dpi=60,
    )
    truth = load_mask(saved.sample_truth, sample.scan)
    window = draw_shown(recipe, [Shown.of(sample, truth)])
    one = pixels(save_figure(window, tmp_path / "window.png", recipe))
    assert np.array_equal(one, pixels(save_figure(draw(recipe), tmp_path / "shell.png")))


def test_figure_and_runs_may_be_moved_together_and_changes_are_told(sample, shell, tmp_path):
    home = tmp_path / "project"
    home.mkdir()
    sample.save(home / "run")
    shell("panel", home / "run", "--columns", "mask", "--out", home / "fig.png", "--dpi", 60)
    shutil.move(home, tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere"
    told = []
    recipe = draw_again(moved / "fig.png", moved / "again.png", tell=told.append)
    assert recipe.runs == (str(moved / "run"),)
    assert told == []
    assert np.array_equal(pixels(moved / "fig.png"), pixels(moved / "again.png"))
    with (moved / "run" / "run.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    draw_again(moved / "fig.png", moved / "again.png", overwrite=True, tell=told.append)
    assert told == [f"{moved / 'run' / 'run.json'} has changed since the figure was drawn."]


def test_the_overview_can_be_made_again_where_its_run_was_saved(sample, saved, tmp_path):
    truth = load_mask(sample_files().lesion, sample.scan)
    file = save_panel(
        sample, tmp_path / "a.png", truth, folder=saved.sample, truth_file=sample_files().lesion
    )
    draw_again(file, tmp_path / "b.png")
    assert np.array_equal(pixels(file), pixels(tmp_path / "b.png"))
    with Image.open(save_panel(sample, tmp_path / "c.png", truth)) as image:
        assert "cannot be made again" in image.text["Description"]


def test_the_brain_that_was_refined_is_the_one_that_is_drawn(
    phantom, small_model, scan_file, brain_file, tmp_path
):
    run = itm.refine(itm.load_scan(scan_file, brain_file), small_model, search=False)
    run.save(tmp_path / "run")
    (one,) = open_runs([str(tmp_path / "run")])
    assert np.array_equal(one.brain, phantom.brain)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "no kind of figure was named: choose one of panel, curve"),
        (("pannel", "RUN"), "'pannel' is no kind of figure"),
        (("panel",), "give the folder of one at least"),
        (("panel", "nowhere"), "is not a run: check the path"),
        (("panel", "RUN", "--full"), "--full belongs to curve, not to panel: leave it out"),
        (("passes", "RUN", "--by", "lesion"), "--by belongs to dice"),
        (("curve", "RUN", "--no-replay"), "--replay belongs to passes"),
        (("lightbox", "RUN", "RUN"), "a lightbox shows one run"),
        (("paired", "RUN"), "give the runs of the other one too"),
        (("paired", "RUN", "--against", "OTHER", "--truth", "TRUTH"), "has no partner"),
        (("roc", "RUN"), "has no truth: give one for each run"),
        (("roc", "RUN", "OTHER", "--truth", "TRUTH"), "1 of truth for 2 runs"),
        (("panel", "RUN", "--label", "a", "--label", "b"), "2 labels for 1 runs"),
        (("panel", "RUN", "--width", "5"), "--width 5.0: Input should be greater"),
        (("panel", "RUN", "--font", "Nonsense"), "there is no font named 'Nonsense'"),
        (("panel", "RUN", "--slices", "A 900"), "has no axial slice at 900 mm"),
        (("panel", "RUN", "--out", "fig.jpg"), "fig.jpg is none of .png, .svg, .pdf"),
        (("panel", "RUN", "--out", "no/fig.png"), "no is no folder"),
        (("curve", "RUN"), "made no threshold search"),
        (("--again", "gone.png"), "gone.png does not exist"),
        (("panel", "RUN", "--again", "gone.png"), "leave panel and the runs out"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(
    given, said, saved, shell, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = {"RUN": saved.sample, "OTHER": saved.phantom, "TRUTH": saved.sample_truth}
    output = shell(*(names.get(word, word) for word in given), exit_code=2)
    assert said in " ".join(output.split())
    assert list(tmp_path.iterdir()) == []


def test_a_figure_that_is_there_is_kept(saved, shell, tmp_path):
    out = tmp_path / "fig.png"
    out.write_text("mine")
    said = shell("curve", saved.searched, "--out", out, exit_code=2)
    assert "is there already" in said
    assert out.read_text() == "mine"


def test_a_figure_without_its_recipe_names_no_path(saved, shell, tmp_path):
    for ending in ("png", "svg", "pdf"):
        out = tmp_path / f"fig.{ending}"
        shell("curve", saved.searched, "--no-recipe", "--dpi", 50, "--out", out)
        assert str(saved.searched).encode() not in out.read_bytes()
        assert "holds no recipe" in " ".join(shell("--again", out, exit_code=2).split())


def test_files_of_others_hold_no_recipe(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.svg").write_text("<svg><title>a</title></svg>")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 /Keywords (a \\(b\\))")
    for ending in ("png", "svg", "pdf"):
        with pytest.raises(ValueError, match="holds no recipe"):
            read_embedded(tmp_path / f"a.{ending}")
    (tmp_path / "b.svg").write_text("<svg>")
    (tmp_path / "b.png").write_text("no picture")
    for ending in ("png", "svg"):
        with pytest.raises(ValueError, match="cannot be read as a figure"):
            read_embedded(tmp_path / f"b.{ending}")
