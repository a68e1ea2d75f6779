"""What a person says of a component is kept with the run, and finds its component again."""

import json
from dataclasses import replace

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.inspection.components import components
from napari_itermask.inspection.review import REVIEW, Review, Reviews, load_reviews

from .bench import SETTINGS, Bench, ball, block

ONE, TWO, THREE = block((12, 14, 14)), block((24, 12, 24), 6), block((24, 24, 14), 5)
NONE = np.zeros(ONE.shape, bool)
SAID = Review(flag=True, difficulty="hard", comment='vessel, "bright";\nsee slice 14')


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    bench = Bench(always=[(ONE, 4), (TWO, 4), (THREE, 4)])
    return bench.run(tmp_path_factory.mktemp("run"), search=False)


@pytest.fixture
def folder(run, tmp_path):
    return run.save(tmp_path / "out")


def number_at(found, place):
    return int(found.labels[place].max())


def test_a_review_is_saved_with_the_run_and_loaded_back(run, folder):
    found = components(run, NONE)
    reviews = load_reviews(folder, found)
    assert len(reviews) == 0
    one, two = number_at(found, ONE), number_at(found, TWO)
    reviews[one], reviews[two] = SAID, Review(difficulty="easy")
    assert reviews.save(folder) == folder / REVIEW
    again = load_reviews(folder, components(itm.load_run(folder), NONE))
    assert (again[one], again[two], len(again)) == (SAID, Review(difficulty="easy"), 2)
    assert again[number_at(found, THREE)] == Review()
    assert list(again) == sorted((one, two))


def test_an_emptied_review_is_gone(run, folder):
    reviews = load_reviews(folder, components(run, NONE))
    reviews[1] = SAID
    reviews[1] = Review()
    assert len(reviews) == 0
    assert json.loads(reviews.save(folder).read_text())["reviews"] == []


def test_reviews_follow_their_pieces_when_numbers_and_kinds_change(run, folder):
    reviews = load_reviews(folder, components(run, None))
    for place, comment in ((ONE, "one"), (TWO, "two"), (THREE, "three")):
        reviews[number_at(reviews.components, place)] = Review(comment=comment)
    large = ball((14, 28, 22), 6)  # the largest piece: it takes the first number
    other = components(run, TWO | large)
    now = reviews.matched(other)
    assert now[number_at(other, ONE)].comment == "one"
    assert now[number_at(other, TWO)].comment == "two"
    assert number_at(other, large) == 1
    assert now[1] == Review()


def test_a_piece_that_moved_a_little_is_known_by_its_centroid_and_one_far_away_is_not(run, folder):
    reviews = load_reviews(folder, components(run, None))
    reviews[number_at(reviews.components, ONE)] = SAID
    near, far = (replace(run, mask=np.roll(ONE, 4 + n, axis=2)) for n in (-2, 3))
    moved = components(replace(run, mask=np.roll(block((12, 14, 14), 2), 2, axis=1)), None)
    assert reviews.matched(moved)[1] == SAID
    for other, count in ((near, 1), (far, 0)):
        now = reviews.matched(components(other, None))
        assert (len(now), now.unmatched) == (count, 1 - count)


def test_a_review_without_its_piece_waits_in_the_file(run, folder):
    reviews = load_reviews(folder, components(run, None))
    reviews[number_at(reviews.components, ONE)] = SAID
    reviews.save(folder)
    without = load_reviews(folder, components(replace(run, mask=TWO), None))
    assert (len(without), without.unmatched) == (0, 1)
    without.save(folder)
    back = load_reviews(folder, components(run, None))
    assert back[number_at(back.components, ONE)] == SAID


def test_two_pieces_that_became_one_keep_the_review_of_the_larger_part(run, folder):
    reviews = load_reviews(folder, components(run, None))
    reviews[number_at(reviews.components, ONE)] = Review(comment="one")
    reviews[number_at(reviews.components, TWO)] = Review(comment="two")
    joined = replace(run, mask=ball((20, 20, 20), 16))
    now = reviews.matched(components(joined, None))
    assert (len(now), now.unmatched) == (1, 1)


def test_columns_stand_beside_the_table(run, folder, tmp_path):
    found = components(run, NONE)
    reviews = load_reviews(folder, found)
    reviews[2] = SAID
    table = found.features(reviews.columns())
    assert list(table["flag"]) == ["", "yes", ""]
    assert list(table["difficulty"]) == ["", "hard", ""]
    text = found.save_csv(tmp_path / "c.csv", reviews.columns()).read_text()
    assert '"vessel, ""bright"";\nsee slice 14"' in text


def test_reviews_of_another_scan_or_without_a_run_are_refused(run, folder, tmp_path):
    found = components(run, None)
    reviews = load_reviews(folder, found)
    reviews[1] = SAID
    reviews.save(folder)
    other = Bench(always=[(ONE, 4)], image=np.full(ONE.shape, 90.0) + ONE).run(
        tmp_path, SETTINGS, search=False
    )
    there = other.save(tmp_path / "other")
    (there / REVIEW).write_bytes((folder / REVIEW).read_bytes())
    with pytest.raises(itm.RunError, match="holds the reviews of another scan"):
        load_reviews(there, components(other, None))
    with pytest.raises(itm.RunError, match="holds the reviews of another scan"):
        Reviews(components(other, None)).save(there)
    with pytest.raises(itm.RunError, match="is not a run: check the path"):
        reviews.save(tmp_path)
    (folder / REVIEW).write_text("{")
    with pytest.raises(
        itm.RunError, match=r"review.json holds no reviews \(.*\): delete or rename"
    ):
        load_reviews(folder, found)


def test_a_component_that_is_not_there_cannot_be_reviewed(run):
    reviews = Reviews(components(run, None))
    with pytest.raises(KeyError, match="there is no component 4"):
        reviews[4] = SAID
