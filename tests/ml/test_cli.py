"""python -m ml: what it prints, and how it fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from ml.labels import LABELS
from tests.commands import run_ml


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "PORTRAIT.JPG"
    Image.fromarray(data.astronaut()).save(path, "JPEG", quality=92)
    return path


def test_predict_names_the_expression(portrait: Path) -> None:
    command = [sys.executable, "-m", "ml", "predict", str(portrait), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)["results"]
    assert (result["width"], result["height"], result["error"]) == (512, 512, None)
    [face] = result["faces"]
    assert face["label"] == "happy"
    assert sum(face["probabilities"].values()) == pytest.approx(1)
    assert set(face["probabilities"]) == set(LABELS)
    assert face["confidence"] == max(face["probabilities"].values())
    assert face["set"][0] == "happy"
    assert result["ms"] > 0


def test_one_bad_photo_fails_the_command_but_not_the_others(portrait: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(portrait.read_bytes()[:3000])
    done = run_ml("predict", broken, portrait, tmp_path / "missing.png", "--json")
    assert done.returncode == 1
    results = json.loads(done.stdout)["results"]
    assert [result["error"] for result in results] == ["unreadable_image", None, "not_found"]
    assert len(results[1]["faces"]) == 1


def test_evaluate_prints_every_figure(tiny_archive: Path) -> None:
    done = run_ml("evaluate", "--data", tiny_archive, "--split", "public", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["n"] == 35
    assert set(figures) == {
        *("n", "accuracy", "macro_f1", "nll", "brier", "ece", "per_class", "confusion", "set_coverage", "set_size"),
        *("coverage_at", "ms_per_face_p50", "version"),
        *("accuracy_interval", "macro_f1_interval", "ece_band", "ece_expected", "reliability", "halves"),
        *("without_twins", "without_near_twins"),
    }
    assert figures["without_twins"]["n"] == 35
    assert figures["without_near_twins"]["n"] <= 35
    assert sum(map(sum, figures["confusion"])) == 35


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "--data", "nowhere.zip", "--split", "test"), "does not exist"),
        (("evaluate", "--data", "README.md", "--split", "test", "--model", "nowhere"), "no readable artifact"),
        (("clean", "--data", "nowhere"), "does not exist"),
        (("train", "--data", "nowhere", "--out", "out", "--epochs", "0"), "at least 1"),
    ],
)
def test_wrong_input_is_one_clear_line(words: tuple[str, ...], message: str) -> None:
    done = run_ml(*words)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["clean", "train", "evaluate", "predict"])
def test_help(command: str) -> None:
    done = run_ml(command, "--help")
    assert done.returncode == 0
    assert "usage" in done.stdout


def test_importing_ml_loads_neither_tensorflow_nor_litert() -> None:
    code = "import sys, ml.predict, ml.train, ml.export; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "ai_edge_litert"} & set(done.stdout.split())
