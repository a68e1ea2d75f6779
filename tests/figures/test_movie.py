"""A run becomes a movie: each pass as the run says, in a file that plays, whole or not there."""

import json

import imageio.v3 as iio
import nibabel as nib
import numpy as np
import pytest
import typer
from scipy import ndimage
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.figures.film.canvas import Box, blank
from napari_itermask.figures.film.layout import strip_of
from napari_itermask.figures.film.planes import Planes
from napari_itermask.figures.film.stage import Shot
from napari_itermask.figures.film.turning import Turning
from napari_itermask.figures.movie import Movie, MovieSettings, save_movie
from napari_itermask.figures.slices import ROOM, Slice
from napari_itermask.movie_command import movie as command
from napari_itermask.shell import plainly

UNIT = 10
SMALL = MovieSettings(size=(481, 271), fps=10, seconds_per_pass=0.2, hold=0.5)
"""Two frames a pass, five more at the end."""


@pytest.fixture(scope="module")
def scan(phantom, tmp_path_factory):
    """The phantom in files, so that a saved run finds it again."""
    folder = tmp_path_factory.mktemp("scan")
    for name, data in (
        ("scan", phantom.image.astype(np.int16)),
        ("brain", phantom.brain.astype(np.uint8)),
    ):
        nib.save(nib.Nifti1Image(data, phantom.affine), folder / f"{name}.nii.gz")
    return itm.load_scan(folder / "scan.nii.gz", folder / "brain.nii.gz")


@pytest.fixture(scope="module")
def run(scan, small_model):
    """Five passes of the refinement, each with another mask; no search."""
    settings = small_model.card.settings.replace(
        manual_threshold=2.0, max_passes=5, only_shrink=True, min_change=1e-6
    )
    run = itm.refine(scan, small_model, settings, search=False, keep="maps")
    assert len({p.mask_voxels for p in run.record.passes}) == 5
    return run


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    """The run, saved with its passes."""
    return run.save(tmp_path_factory.mktemp("runs") / "run", passes=True)


def smooth(masked, guide):
    return ndimage.gaussian_filter(masked, 2)


@pytest.fixture(scope="module")
def searched(scan):
    """A run of a callable, with its search."""
    return itm.refine(scan, smooth)


def difference(one, other):
    return float(np.sqrt(np.mean((one.astype(float) - other.astype(float)) ** 2)))


def shot(mask, error=None, masked=None):
    masked = mask if masked is None else masked
    return Shot("refine", 1, 1, 1.0, 1.0, masked, mask, error, error)


def input_tile(run, mask, plane, index_mm):
    """The input with the outline of ``mask`` in one slice alone, and how many pixels a mm has."""
    picture = Planes(run.on_grid, [Slice(plane, index_mm, False)], mask, 1.0, "scan", maps=False)
    pixels = blank(600, 600)
    used = picture.place(Box(0, 0, 600, 600), UNIT)
    picture.draw(pixels, shot(mask), 0)
    top, bottom = used.top + strip_of(UNIT), used.bottom - strip_of(UNIT)
    return pixels[top:bottom, used.left : used.right]


def place_of(run, voxels, shape):
    """Where axial voxels (x, y) of the grid lie in a tile of ``shape``, as rows and columns."""
    low = [b.start for b in ndimage.find_objects(run.on_grid.brain.astype(np.uint8))[0]]
    spacing = run.on_grid.placement.spacing
    mm = (voxels + 0.5 - low[:2]) * spacing[:2] + ROOM
    high = [b.stop for b in ndimage.find_objects(run.on_grid.brain.astype(np.uint8))[0]]
    whole = (np.subtract(high, low) * spacing)[:2] + 2 * ROOM
    share = mm / whole
    return np.stack([(1 - share[:, 1]) * shape[0], share[:, 0] * shape[1]], axis=1)


def mm_of(run, index):
    return float((run.on_grid.placement.affine @ [0, 0, index, 1])[2])


def test_two_passes_differ_in_the_picture_where_their_masks_differ_in_the_run(run):
    first, last = run.passes.mask(0), run.passes.mask(4)
    index = int(np.argmax((first != last).sum(axis=(0, 1))))
    tiles = [input_tile(run, mask, "axial", mm_of(run, index)) for mask in (first, last)]
    changed = (tiles[0].astype(int) != tiles[1]).any(-1)
    voxels = np.argwhere(first[..., index] != last[..., index])
    at = np.rint(place_of(run, voxels, changed.shape)).astype(int)
    seeds = np.zeros(changed.shape, bool)
    seeds[tuple(at.T)] = True
    voxel = changed.shape[1] / (run.on_grid.brain.any(axis=(1, 2)).sum() + 1)  # in pixels
    assert changed.any()
    assert ndimage.distance_transform_edt(~seeds)[changed].max() < 2 * voxel
    assert ndimage.distance_transform_edt(~changed)[seeds].max() < 1.5 * voxel


def test_an_outline_goes_around_what_is_masked_and_the_front_is_up(run):
    brain = run.on_grid.brain
    x, y = np.indices(brain.shape[:2])
    index = brain.shape[2] // 2
    mask = np.zeros_like(brain)
    mask[..., index] = np.hypot(x - 19, y - 21) < 4.5  # in front on the right
    tile = input_tile(run, mask, "axial", mm_of(run, index))
    orange = tile[..., 0].astype(int) - tile[..., 2] > 60
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(orange, iterations=2))
    voxels = np.argwhere(brain[..., index])
    inside = filled[tuple(np.rint(place_of(run, voxels, filled.shape)).astype(int).T)]
    expected = mask[voxels[:, 0], voxels[:, 1], index]
    assert (inside & expected).sum() / (inside | expected).sum() > 0.9
    assert expected.sum() > 30


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_the_file_has_every_frame_as_it_was_drawn(run, tmp_path, ending):
    counts = []
    path = save_movie(
        run, tmp_path / f"movie.{ending}", SMALL, on_frame=lambda *done: counts.append(done)
    )
    movie = Movie(run, SMALL)
    frames = iio.imread(path, plugin="pyav" if ending == "mp4" else "pillow")
    assert frames.shape == (15, 270, 480, 3) == (len(movie), 270, 480, 3)  # sides made even
    assert counts == [(k + 1, 15) for k in range(15)]
    for k in (0, 3, 8, 14):
        off = [difference(frames[k], movie.frame(2 * p)) for p in range(5)]
        assert int(np.argmin(off)) == min(k // 2, 4)  # it is the frame of its own pass
        assert min(off) < 12  # outlines lose colour in yuv420p
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_an_mp4_plays_everywhere_and_a_gif_goes_on(run, tmp_path):
    import av

    with av.open(str(save_movie(run, tmp_path / "movie.mp4", SMALL))) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 10
    whole = (tmp_path / "movie.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")  # it begins before all of it is there
    about = iio.immeta(save_movie(run, tmp_path / "movie.gif", SMALL))
    assert (about["duration"], about["loop"]) == (100, 0)


def test_a_loaded_run_gives_the_same_frames(run, folder, scan):
    loaded = Movie(itm.load_run(folder, scan), SMALL)
    kept = Movie(run, SMALL)
    assert len(loaded) == len(kept)
    for k in (0, 5, 14):
        np.testing.assert_array_equal(loaded.frame(k), kept.frame(k))


def test_frames_in_order_are_those_asked_for_one_by_one(run):
    for settings in (SMALL, MovieSettings(turn=180, size=(480, 270), fps=5, hold=0.2)):
        movie = Movie(run, settings)
        frames = list(movie.frames())
        assert len(frames) == len(movie) == round(movie.seconds * settings.fps)
        for k in (0, len(movie) // 2, -1):
            np.testing.assert_array_equal(frames[k], movie.frame(k))


def test_the_passes_of_the_search_come_first_and_fast_if_asked_for(searched):
    passes = searched.record.passes
    refined = sum(p.phase == "refine" for p in passes)
    without = Movie(searched, SMALL)
    assert without.positions == list(range(100, 100 + refined))
    movie = Movie(searched, MovieSettings(search=True, fps=10, seconds_per_pass=0.5, hold=1))
    assert movie.positions == list(range(len(passes)))
    assert len(movie) == 100 + 5 * refined + 10
    assert difference(movie.frame(10), movie.frame(11)) > 0


def test_the_same_error_has_the_same_colour_in_every_pass(run):
    brain = run.on_grid.brain
    picture = Planes(run.on_grid, [Slice("axial", 0.0)], brain, 4.0, "scan")
    frames = []
    used = picture.place(Box(0, 0, 900, 400), UNIT)
    for level in (2.0, 2.0, 3.0):
        pixels = blank(900, 400)
        error = np.where(brain, level, 0).astype(np.float32)
        picture.draw(pixels, shot(np.zeros_like(brain), error), 0)
        frames.append(pixels[used.top + used.height // 2, used.left + round(0.8 * used.width)])
    np.testing.assert_array_equal(frames[0], frames[1])
    np.testing.assert_allclose(frames[0], [188, 55, 84], atol=3)  # the middle of inferno
    assert frames[2][0] > frames[0][0]


def test_half_a_turn_puts_right_where_left_was(run):
    brain = run.on_grid.brain
    x, y, z = (n // 2 for n in brain.shape)
    error = np.zeros(brain.shape, np.float32)
    error[x + 6 : x + 9, y - 1 : y + 2, z - 1 : z + 2] = 10  # on the right
    picture = Turning(run.on_grid, 10.0)
    used = picture.place(Box(0, 0, 400, 300), UNIT)
    sides = []
    for turned in (0, 90, 180):
        pixels = blank(400, 300)
        picture.draw(pixels, shot(np.zeros_like(brain), error), turned)
        tile = pixels[used.top + 16 : used.bottom - 16, used.left : used.right].astype(int)
        bright = tile[..., 0] - tile[..., 2] > 60
        sides.append(np.argwhere(bright)[:, 1].mean() / tile.shape[1])
    assert sides[0] > 0.6  # seen from behind
    assert sides[1] == pytest.approx(0.5, abs=0.03)
    assert sides[2] < 0.4


def test_what_is_left_of_a_run_whose_model_is_gone_is_its_masks(searched, scan, tmp_path):
    loaded = itm.load_run(searched.save(tmp_path / "run", passes=True), scan)
    said = []
    path = save_movie(loaded, tmp_path / "movie.gif", SMALL, tell=said.append)
    assert len(said) == 1
    assert "only the mask is shown" in said[0]
    assert len(iio.imread(path)) == len(Movie(loaded, SMALL, said.append))
    with pytest.raises(ValueError, match="show slices, which need only its masks"):
        save_movie(loaded, tmp_path / "turn.gif", MovieSettings(turn=360))


def test_a_movie_that_is_stopped_or_fails_leaves_no_file(run, tmp_path):
    for ending in ("mp4", "gif"):
        frames = []
        stopped = save_movie(
            run,
            tmp_path / f"movie.{ending}",
            SMALL,
            stop=lambda f=frames: len(f) == 4,
            on_frame=lambda done, total, f=frames: f.append(done),
        )
        assert stopped is None
        assert frames == [1, 2, 3, 4]
    with pytest.raises(OSError, match="disk is full"):
        save_movie(run, tmp_path / "movie.mp4", SMALL, on_frame=full)
    assert list(tmp_path.iterdir()) == []


def full(done, total):
    if done == 3:
        raise OSError("the disk is full.")


def test_what_cannot_be_a_movie_is_refused_in_a_sentence(run, searched, scan, tmp_path):
    bare = itm.load_run(run.save(tmp_path / "bare"), scan)
    with pytest.raises(ValueError, match="saved without the masks of its passes"):
        save_movie(bare, tmp_path / "movie.mp4")
    unseen = itm.load_run(run.save(tmp_path / "unseen", passes=True))
    with pytest.raises(ValueError, match="loaded without its scan"):
        save_movie(unseen, tmp_path / "movie.mp4")
    with pytest.raises(ValueError, match=r"let its name end in \.mp4 or \.gif"):
        save_movie(run, tmp_path / "movie.avi")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        save_movie(run, tmp_path / "nowhere" / "movie.mp4")
    with pytest.raises(ValueError, match="no axial slice at 500 mm"):
        Movie(run, MovieSettings(slices="A 500"))
    with pytest.raises(ValueError, match="slices have no room"):
        Movie(run, MovieSettings(slices="A " + "0 " * 60))
    with pytest.raises(ValueError, match="give a size between 480x270"):
        MovieSettings(size=(100, 100))
    with pytest.raises(ValueError, match="seconds per pass must lie between"):
        MovieSettings(seconds_per_pass=0)


def test_the_command_makes_it_and_says_what_is_missing(run, folder, tmp_path):
    app = typer.Typer()
    app.command()(plainly(command))

    def ask(*words):
        return CliRunner().invoke(app, [str(w) for w in words])

    quick = ("--size", "480x270", "--fps", 10, "--seconds-per-pass", 0.1, "--hold", 0)
    made = ask(folder, "--out", tmp_path / "a.gif", "--slices", "A largest S 0", *quick, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout) == {"movie": str(tmp_path / "a.gif")}
    assert iio.imread(tmp_path / "a.gif").shape == (5, 270, 480, 3)
    again = ask(folder, "--out", tmp_path / "a.gif", *quick)
    assert again.exit_code == 2
    assert "is there already" in again.output
    wrong = ask(folder, "--out", tmp_path / "b.gif", "--size", "large")
    assert wrong.exit_code == 2
    assert "give WIDTHxHEIGHT" in wrong.output
    bare = ask(run.save(tmp_path / "bare"), *quick)
    assert bare.exit_code == 2
    assert "--passes" in bare.output
    assert not (tmp_path / "bare" / "movie.mp4").exists()
