"""Faces are found where they are, cut as FER-2013 cut them, and nowhere else."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ml.faces import FaceFinder, FoundFace
from tests.ml.drawing import draw_crop


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


def astronaut() -> Image.Image:
    """NASA's portrait of Eileen Collins, public domain, 512×512; her face fills about (165, 55) to (285, 175)."""
    return Image.fromarray(data.astronaut())


def overlap(face: FoundFace, box: tuple[float, float, float, float]) -> float:
    """Intersection over union of a face's box with left, top, right, bottom."""
    left, top, width, height = face.box
    wide = min(left + width, box[2]) - max(left, box[0])
    high = min(top + height, box[3]) - max(top, box[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / (width * height + (box[2] - box[0]) * (box[3] - box[1]) - shared)


def test_portrait_has_one_face_in_its_place(finder: FaceFinder) -> None:
    faces = finder.find_faces(astronaut())
    assert len(faces) == 1
    assert overlap(faces[0], (165, 55, 285, 175)) > 0.7
    assert faces[0].origin == "detector"


def test_several_faces_come_from_left_to_right(finder: FaceFinder) -> None:
    head = astronaut().crop((130, 20, 320, 210))
    photo = Image.new("RGB", (1280, 960), (90, 120, 140))
    places = [(60, 100), (540, 500), (1000, 200)]
    for x, y in places:
        photo.paste(head, (x, y))
    faces = finder.find_faces(photo)
    assert len(faces) == 3
    for face, (x, y) in zip(faces, places, strict=True):
        assert overlap(face, (x + 35, y + 35, x + 155, y + 155)) > 0.6


def test_small_faces_of_a_large_photo_are_found(finder: FaceFinder) -> None:
    head = astronaut().crop((130, 20, 320, 210)).resize((80, 80), Image.Resampling.LANCZOS)
    photo = Image.new("RGB", (1600, 1200), (90, 120, 140))
    for x in (100, 700, 1300):
        photo.paste(head, (x, 500))
    assert len(finder.find_faces(photo)) == 3


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "coins", "clock", "grass", "moon", "text", "page"])
def test_photo_without_a_face_has_none(finder: FaceFinder, name: str) -> None:
    assert finder.find_faces(Image.fromarray(getattr(data, name)()).convert("RGB")) == []


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (48, 48), (640, 480), (3000, 40)])
def test_blank_and_noisy_pictures_have_none(finder: FaceFinder, size: tuple[int, int]) -> None:
    assert finder.find_faces(Image.new("RGB", size, (128, 128, 128))) == []
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert finder.find_faces(Image.fromarray(noise)) == []


def test_stripes_of_crop_size_are_no_face(finder: FaceFinder) -> None:
    assert finder.find_faces(Image.fromarray(draw_crop(0, 0)).convert("RGB")) == []


@pytest.mark.parametrize("side", [32, 48, 64, 100, 128])
def test_cut_out_face_is_taken_whole(finder: FaceFinder, side: int) -> None:
    crop = astronaut().crop((163, 53, 286, 176)).convert("L").resize((side, side)).convert("RGB")
    faces = finder.find_faces(crop)
    assert [face.box for face in faces] == [(0, 0, side, side)]


def test_face_that_fills_a_larger_picture_is_found_once(finder: FaceFinder) -> None:
    faces = finder.find_faces(astronaut().crop((163, 53, 286, 176)).resize((600, 600)))
    assert len(faces) == 1
    assert faces[0].side == pytest.approx(600, rel=0.2)


def test_box_stays_inside_the_photo(finder: FaceFinder) -> None:
    photo = astronaut().crop((180, 60, 460, 340))
    for face in finder.find_faces(photo):
        x, y, width, height = face.box
        assert 0 <= x < x + width <= photo.width
        assert 0 <= y < y + height <= photo.height
