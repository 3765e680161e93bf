"""The counts that production is compared with: their bins, the shipped file, and the command that writes it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from ml import reference
from ml.__main__ import main
from ml.artifacts import Artifact
from ml.reference import (
    BRIGHTNESS_EDGES,
    CONFIDENCE_EDGES,
    EDGES,
    REFERENCE,
    SHARPNESS_EDGES,
    bin_values,
    load_reference,
    read_reference,
)

Output = pytest.CaptureFixture[str]


def test_edges_part_twenty_bins() -> None:
    for edges in (CONFIDENCE_EDGES, BRIGHTNESS_EDGES, SHARPNESS_EDGES):
        assert len(edges) == 19
        assert (np.diff(edges) > 0).all()
    assert (CONFIDENCE_EDGES[0], CONFIDENCE_EDGES[2], CONFIDENCE_EDGES[-1]) == (0.05, 0.15, 0.95)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("labels", 0, 0),
        ("labels", 6, 6),
        ("confidence", 0, 0),
        ("confidence", 0.15, 3),
        ("confidence", 0.1499, 2),
        ("confidence", 1, 19),
        ("brightness", 0.95, 19),
        ("sharpness", 0, 0),
        ("sharpness", SHARPNESS_EDGES[0], 1),
        ("sharpness", 1e6, 19),
    ],
)
def test_a_value_on_an_edge_belongs_to_the_bin_after_it(name: str, value: float, place: int) -> None:
    counts = bin_values(name, [value])
    assert np.flatnonzero(counts).tolist() == [place]
    assert counts.dtype == np.int64
    assert (counts.sum(), len(counts)) == (1, len(EDGES[name]) + 1)


def test_no_values_are_no_counts() -> None:
    assert bin_values("labels", []).tolist() == [0] * 7


def test_other_measures_are_refused() -> None:
    with pytest.raises(KeyError):
        bin_values("age", [1])


@pytest.mark.django_db
@pytest.mark.parametrize("name", EDGES)
def test_postgresql_bins_alike(name: str) -> None:
    edges = np.array(EDGES[name])
    values = np.concatenate([edges, edges - 1e-12, edges + 1e-12, [0.0, 1.0]])
    with connection.cursor() as cursor:
        query = "select width_bucket(value, %s::float8[]) from unnest(%s::float8[]) as value"
        cursor.execute(query, [edges.tolist(), values.tolist()])
        places = [place for [place] in cursor.fetchall()]
    assert np.bincount(places, minlength=len(edges) + 1).tolist() == bin_values(name, values).tolist()


def test_the_shipped_reference_is_the_shipped_networks(shipped: Artifact) -> None:
    """Its labels are those that the network's own figures on its selection set tell."""
    found, selection = load_reference(), shipped.metrics["selection"]
    assert (found.version, found.n) == (shipped.version, selection["n"])
    assert found.labels.tolist() == np.sum(selection["confusion"], axis=0).tolist()
    assert shipped.version in found.about
    for name in EDGES:
        counts = getattr(found, name)
        assert (counts.sum(), counts.dtype, counts.shape) == (found.n, np.int64, (len(EDGES[name]) + 1,))
    assert found.sharpness.min() > 0
    assert found.sharpness.max() < 0.2 * found.n


def test_the_loaded_arrays_stay_as_they_are() -> None:
    assert load_reference() is load_reference()
    with pytest.raises(ValueError, match="read-only"):
        load_reference().labels[0] = 0


def test_counts_by_other_edges_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SHARPNESS_EDGES", (1.0, 2.0))
    with pytest.raises(ValueError, match="other edges"):
        read_reference(REFERENCE)


def test_reading_it_loads_neither_tensorflow_nor_litert() -> None:
    code = "import sys, ml.reference; ml.reference.load_reference(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "ai_edge_litert", "scipy", "PIL"} & set(done.stdout.split())


def test_command_counts_what_was_held_out(tiny_archive: Path, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "reference.json"
    assert main(["reference", "--data", str(tiny_archive), "--out", str(out)]) == 0
    found = read_reference(out)
    assert json.loads(capsys.readouterr().out) == {"version": found.version, "n": found.n}
    assert 0 < found.n < 210
    assert {getattr(found, name).sum() for name in EDGES} == {found.n}


def test_command_says_what_is_missing(tmp_path: Path, capsys: Output) -> None:
    assert main(["reference", "--data", "nowhere.zip", "--out", str(tmp_path / "reference.json")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help(capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reference", "--help"])
    assert ended.value.code == 0
    assert {"--data", "--votes", "--model", "--out"} <= set(capsys.readouterr().out.split())
