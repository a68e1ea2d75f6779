"""A table of cases is read, annotated and written back; nothing else in it is touched."""

import csv

import pytest

from napari_itermask.cohort.cases import CasesError, load_cases


@pytest.fixture
def table(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "b_truth.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "runs" / "a").mkdir(parents=True)
    path = tmp_path / "cases.csv"
    path.write_text(
        "Scan;run;truth;age;comment\n"
        'a.nii.gz;runs/a;;41;"seen; twice"\n'
        "b.nii.gz;;b_truth.nii.gz;72;\n"
    )
    return path


def test_lines_become_cases_with_paths_from_where_the_table_lies(table):
    first, second = load_cases(table).rows
    assert first.run == table.parent / "runs" / "a"
    assert first.name == "a"
    assert first.comment == "seen; twice"
    assert second.truth == table.parent / "b_truth.nii.gz"
    assert second.name == "b.nii.gz"
    assert not second.flag


def test_notes_are_saved_and_every_other_column_stays(table):
    cases = load_cases(table).noted(1, flag=True, difficulty="hard", comment="rim, again")
    cases.save()
    rows = list(csv.DictReader(table.read_text().splitlines(), delimiter=";"))
    assert [r["age"] for r in rows] == ["41", "72"]
    assert rows[0]["Scan"] == "a.nii.gz"
    assert rows[0]["comment"] == "seen; twice"
    assert (rows[1]["flag"], rows[1]["difficulty"]) == ("1", "hard")
    assert load_cases(table).rows == cases.rows


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,truth\na,b\n", 'no column "run" or "scan"'),
        ("scan,flag\n,1\n", "line 2 names neither"),
        ("scan\ngone.nii.gz\n", "line 2: scan .*gone.nii.gz does not exist"),
        ("scan,flag\na.nii.gz,maybe\n", "flag 'maybe' is none"),
        ("scan,difficulty\na.nii.gz,brutal\n", "difficulty 'brutal' is none"),
        ("scan\n", "lists no case"),
        ("", 'no column "run" or "scan"'),
    ],
)
def test_what_is_no_table_of_cases_is_refused_in_words(table, text, words):
    table.write_text(text)
    with pytest.raises(CasesError, match=words):
        load_cases(table)
