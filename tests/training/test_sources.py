"""Every layout that people have opens as it is; what cannot be learnt from is refused in words."""

import json

import pytest

from napari_itermask.training.prepared import prepare
from napari_itermask.training.sources import Item, find_source, split

from .conftest import TINY, write_brain, write_scan


def ready(source, tmp_path):
    """What is prepared of all scans, and what was said."""
    said = []
    done = prepare(source.items, TINY.grid, tmp_path / "prepared", None, said.append)
    return done, said


def test_a_folder_of_scans_takes_those_of_the_modality_with_their_masks(tmp_path):
    for name in ("a_FLAIR", "b_FLAIR", "a_T1w"):
        write_scan(tmp_path / "in" / f"{name}.nii.gz")
    write_brain(tmp_path / "in" / "a_FLAIR_brain_mask.nii.gz")
    source = find_source(tmp_path / "in", "flair")
    assert [(i.name, i.brain is not None) for i in source.items] == [
        ("a_FLAIR", True),
        ("b_FLAIR", False),
    ]
    assert "1 files are named as another modality" in source.notes[0]
    done, _ = ready(source, tmp_path)
    image, brain = done[0].scan()
    assert image.shape == brain.shape == TINY.grid.shape
    assert (image[~brain] == 0).all()
    assert brain.sum() > 2000


def test_a_text_list_names_scans_and_masks_from_where_it_lies(tmp_path):
    write_scan(tmp_path / "data" / "one.nii.gz")
    write_scan(tmp_path / "data" / "two.nii.gz")
    write_brain(tmp_path / "data" / "mask.nii.gz")
    text = "# healthy\ndata/one.nii.gz\tdata/mask.nii.gz\n\ndata/two.nii.gz\n"
    (tmp_path / "list.txt").write_text(text)
    source = find_source(tmp_path / "list.txt", "flair")
    assert source.kind == "list"
    assert [i.brain and i.brain.name for i in source.items] == ["mask.nii.gz", None]
    (tmp_path / "list.txt").write_text("data/one.nii.gz\ndata/gone.nii.gz\n")
    with pytest.raises(FileNotFoundError, match=r"lists .*gone.nii.gz, which does not exist"):
        find_source(tmp_path / "list.txt", "flair")


def test_a_bids_root_gives_its_anat_scans_masks_and_heads(tmp_path):
    root = tmp_path / "bids"
    for sub, ses in (("01", "a"), ("01", "b"), ("02", "a")):
        where = f"sub-{sub}/ses-{ses}/anat/sub-{sub}_ses-{ses}"
        write_scan(root / f"{where}_T1w.nii.gz")
        write_scan(root / f"{where}_FLAIR.nii.gz")
        write_brain(root / "derivatives/bet" / f"{where}_desc-brain_mask.nii.gz")
        write_brain(root / "derivatives/mni" / f"{where}_space-MNI_desc-brain_mask.nii.gz")
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.9"}))
    source = find_source(root, "t1")
    assert source.kind == "BIDS"
    assert [i.subject for i in source.items] == ["sub-01", "sub-01", "sub-02"]
    assert all(i.name.endswith("T1w") and "bet" in str(i.brain) for i in source.items)
    learn, held = split(source.items, 1, seed=0)
    assert not {i.subject for i in learn} & {i.subject for i in held}


def test_the_layout_of_the_authors_code_opens_with_its_names_file(tmp_path):
    for name in ("s1", "s2", "s3"):
        write_scan(tmp_path / "FLAIR" / f"{name}.nii.gz")
        write_scan(tmp_path / "FLAIR_highfreq" / f"{name}.nii.gz")
        write_brain(tmp_path / "brainmask" / f"{name}.nii.gz")
    (tmp_path / "train.txt").write_text("s1.nii.gz\ns3.nii.gz\n")
    source = find_source(tmp_path, "flair")
    assert source.kind == "authors' layout"
    assert [i.name for i in source.items] == ["s1", "s3"]
    assert all(i.brain and i.brain.parent.name == "brainmask" for i in source.items)
    assert any("highfreq is not read: guides are made" in note for note in source.notes)
    (tmp_path / "other.txt").write_text("s2\ns9\n")
    with pytest.raises(ValueError, match=r"names s9, which .* does not hold"):
        find_source(tmp_path, "flair", tmp_path / "other.txt")


def test_t1_brains_with_labels_are_brought_to_any_grid(pairs, tmp_path):
    source = find_source(pairs, "flair")
    assert source.kind == "T1 with labels"
    assert "given the contrast of flair" in source.notes[0]
    brain = ready(source, tmp_path)[0][0].labelled_brain()
    assert brain.t1.shape == brain.labels.shape
    assert set(brain.labels.ravel().tolist()) == {0, 1, 51, 81, 142}
    assert max(brain.t1.shape) <= 30  # 4 mm files, on a grid of 6 mm


def test_a_bad_scan_is_left_out_and_many_are_refused(tmp_path):
    for i in range(5):
        write_scan(tmp_path / "in" / f"{i}.nii.gz", i)
    (tmp_path / "in" / "bad.nii.gz").write_bytes(b"no image")
    done, said = ready(find_source(tmp_path / "in", "flair"), tmp_path)
    assert len(done) == 5
    assert "left out" in said[0]
    assert "bad.nii.gz" in said[0]
    for i in range(5):
        (tmp_path / "in" / f"bad{i}.nii.gz").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"6 of 11 scans cannot be used; the first: .*bad"):
        ready(find_source(tmp_path / "in", "flair"), tmp_path)


def test_what_gives_no_training_is_refused_in_one_sentence(tmp_path):
    scan = write_scan(tmp_path / "a" / "one_FLAIR.nii.gz")
    for path, words in (
        (tmp_path / "nowhere", "does not exist"),
        (scan, "is a single scan: give a folder"),
        (tmp_path / "a", "holds 1 FLAIR scans .folder., too few"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=words):
            find_source(path, "flair")
    with pytest.raises(ValueError, match=r"--validation 3 would hold out all of 2 heads"):
        split([Item("a", scan), Item("b", scan)], 3, 0)
