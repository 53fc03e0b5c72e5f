"""NIfTI and DICOM through the optional extra `monai`."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluators.data import DataError, Form, Layout, find, find_pairs, groups_of, load, recognise, volumes

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")
pytest.importorskip("monai")

HEAD = np.random.default_rng(0).integers(-1000, 1000, (24, 20, 5)).astype(np.int16)  # x, y, z
FORM = Form(channels=1, limits=(-1000, 1000))


def volume(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    return path


def dicom(path: Path, values: np.ndarray) -> Path:
    """A CT slice, rows by columns, stored as 16 bits with an intercept of -1024."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = pydicom.dataset.FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = values.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelSpacing, data.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [0, 0, 0]
    data.PixelData = (values + 1024).astype(np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def heads(tmp_path):
    for name, suffix in (("p1", "nii"), ("p2", "nii.gz")):
        volume(tmp_path / f"images/{name}.{suffix}", HEAD)
        volume(tmp_path / f"masks/{name}.{suffix}", (HEAD > 500).astype(np.uint8))
    return tmp_path


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_slice_of_a_volume_is_a_sample(heads, axis):
    pairs = find_pairs(Layout(heads, axis=axis))
    count = HEAD.shape[axis]
    assert [pair.id for pair in pairs[:2]] == ["p1-0000", "p1-0001"] and len(pairs) == 2 * count
    assert set(groups_of(pairs, None, None) or ()) == {"p1", "p2"}
    plane = HEAD.take(2, axis).T  # rows: the later axis
    loaded = load([pairs[2]], max(plane.shape), form=Form(channels=1, limits=(-1000, 1000), fit="pad"))
    inside = loaded.images[0, 0, : plane.shape[0], : plane.shape[1]].numpy()
    assert np.allclose(inside * 2000 - 1000, plane, atol=1e-3)
    assert np.array_equal(loaded.masks[0, : plane.shape[0], : plane.shape[1]].numpy(), plane > 500)


def test_labels_of_a_volume_are_classes(heads):
    volume(heads / "masks/p1.nii", (HEAD > 500).astype(np.float32) + (HEAD > 800))
    pairs = [pair for pair in find_pairs(Layout(heads)) if pair.id.startswith("p1")]
    form = Form(("background", "organ", "tumour"), channels=1, limits=(-1000, 1000))
    assert load(pairs, 20, form=form).masks.unique().tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="unknown labels 2 in"):
        load(pairs, 20, form=FORM)
    volume(heads / "masks/p1.nii", (HEAD > 500) * 0.5)
    with pytest.raises(DataError, match="a mask needs whole numbers, got fractions"):
        load(pairs[:1], 20, form=FORM)


def test_a_volume_that_was_written_again_is_read_again(heads):
    pair = next(pair for pair in find_pairs(Layout(heads)) if pair.id == "p2-0000")
    before = load([pair], 20, form=FORM).masks
    volume(heads / "masks/p2.nii.gz", (HEAD <= 500).astype(np.uint8))
    assert not torch.equal(load([pair], 20, form=FORM).masks, before)


def test_dicom_slices_keep_their_units(tmp_path):
    plane = HEAD[:, :, 0].T
    dicom(tmp_path / "images/a.dcm", plane)
    from PIL import Image

    (tmp_path / "masks").mkdir()
    Image.fromarray(((plane > 500) * 255).astype(np.uint8)).save(tmp_path / "masks/a.png")
    loaded = load(find_pairs(tmp_path), 24, form=Form(channels=1, limits=(-1000, 1000), fit="pad"))
    assert np.allclose(loaded.images[0, 0, :20].numpy() * 2000 - 1000, plane, atol=1e-3)
    assert torch.equal(loaded.masks[0, :20], torch.from_numpy((plane > 500).astype(np.uint8)))
    with pytest.raises(DataError, match=r"needed an image of 8 bits per channel, got .*; state which become 0 and 1"):
        load(find_pairs(tmp_path), 24)


def test_volumes_that_do_not_fit_or_cannot_be_read_are_findings(heads):
    volume(heads / "masks/p1.nii", np.zeros((24, 20, 4), np.uint8))
    (heads / "images/p2.nii.gz").write_bytes((heads / "images/p2.nii.gz").read_bytes()[:40])
    found = find(Layout(heads))
    assert found.pairs == ()
    assert [fault.kind for fault in found.faults] == ["size mismatch", "unreadable"]
    assert "as many slices along axis 2, got 5 and 4" in found.faults[0].text
    assert "p2.nii.gz: cannot be read as a medical image" in found.faults[1].text


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.dcm"])
def test_empty_and_foreign_files_are_named(tmp_path, name):
    for content, message in (
        (b"", "the file is empty (0 bytes)"),
        (b"no image" * 99, "cannot be read as a medical"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=re.escape(f"{tmp_path / name}: {message}")):
            volumes.read_slice(tmp_path / name, None)


def test_without_the_extra_the_message_says_what_to_install(heads, monkeypatch):
    monkeypatch.setattr(volumes, "find_spec", lambda name: None if name == "nibabel" else object())
    with pytest.raises(DataError, match=re.escape("reading it needs nibabel; pip install 'nas-medseg[monai]'")):
        find_pairs(Layout(heads))


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        (HEAD > 500, ("background", "foreground"), {}),
        (255 * (HEAD > 500), ("background", "foreground"), {"background": 0, "foreground": 255}),
        ((HEAD > 500) + 2 * (HEAD > 800), ("background", "class1", "class2", "class3"), {}),
    ],
)
def test_volumes_are_recognised(heads, labels, classes, codes):
    for name in ("p1.nii", "p2.nii.gz"):
        volume(heads / "masks" / name, labels.astype(np.uint8))
    found = recognise(heads)
    assert found.form == Form(classes, codes, channels=1, limits=(float(HEAD.min()), float(HEAD.max())))
    assert load(find_pairs(found.layout), 20, form=found.form).masks.max() == len(classes) - 1
