"""Joining trained networks: one file, the mean of their logits, and no member that learned the calibration faces."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import MANIFEST, load_artifact
from ml.predict import Network
from tests.commands import run_ml
from tests.ml.drawing import draw_crop
from tests.tiny import make_tiny_network


@pytest.mark.tensorflow
@pytest.mark.slow
def test_joined_networks_answer_with_the_mean_of_their_logits(tiny_archive: Path, tmp_path: Path) -> None:
    members = [make_tiny_network(seed=seed) for seed in (1, 2)]
    done = run_ml("combine", "--data", tiny_archive, "--out", tmp_path / "joined", *members, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["test"]["n"] == 35
    joined = load_artifact(tmp_path / "joined")
    assert [member["seed"] for member in joined.card["members"]] == [1, 2]
    assert joined.version == "joined"
    crops = np.stack([draw_crop(number % 7, 1000 + number) for number in range(14)])
    apart = [Network(load_artifact(member)).compute_logits(crops) for member in members]
    difference = float(np.abs(apart[0] - apart[1]).max())
    assert difference > 1e-3
    # Weights of eight bits answer a little differently.
    assert Network(joined).compute_logits(crops) == pytest.approx(np.mean(apart, axis=0), abs=0.05 * difference)
    assert sum(found["served"] for found in joined.card["formats"].values()) == 1

    again = run_ml("combine", "--data", tiny_archive, "--out", tmp_path / "joined", *members)
    assert again.returncode == 1
    assert "already holds an artifact" in again.stderr
    alone = run_ml("combine", "--data", tiny_archive, "--out", tmp_path / "alone", members[0])
    assert alone.returncode == 1
    assert "at least two" in alone.stderr
    other = tmp_path / "other"
    shutil.copytree(members[1], other)
    manifest = json.loads((other / MANIFEST).read_text())
    manifest["card"]["recipe"]["held_out"] = 0.2
    (other / MANIFEST).write_text(json.dumps(manifest))
    mixed = run_ml("combine", "--data", tiny_archive, "--out", tmp_path / "mixed", members[0], other)
    assert mixed.returncode == 1
    assert "another selection set" in mixed.stderr
