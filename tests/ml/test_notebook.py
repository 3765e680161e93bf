"""ml/train_on_colab.ipynb runs from the first cell to the last, and what it saves is a network of the project."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import load_artifact
from ml.packing import unpack_artifact

NOTEBOOK = Path(__file__).parents[2] / "ml" / "train_on_colab.ipynb"
# In a process of its own: the kernel's client warns, and warnings are errors here.
EXECUTE = "import sys, nbclient.cli; sys.argv[0] = 'execute'; nbclient.cli.main()"


def read_notebook() -> dict[str, Any]:
    return json.loads(NOTEBOOK.read_text())


def set_parameters(notebook: dict[str, Any], **values: Any) -> None:
    """Assign values after the defaults of the cell that is tagged "parameters"."""
    [cell] = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    cell["source"] = [*cell["source"], *[f"\n{name} = {value!r}" for name, value in values.items()]]


def execute(notebook: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the notebook in `folder`, as Jupyter would; its outputs are in folder/run.ipynb afterwards."""
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(folder / "home"))
    (folder / "run.ipynb").write_text(json.dumps(notebook))
    words = ["--inplace", "--timeout=280", str(folder / "run.ipynb")]
    done = subprocess.run([sys.executable, "-c", EXECUTE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def printed(folder: Path, cell: str) -> str:
    """What a cell wrote to standard output."""
    cells = json.loads((folder / "run.ipynb").read_text())["cells"]
    [outputs] = [one["outputs"] for one in cells if one["id"] == cell]
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")


def pictures(folder: Path) -> int:
    cells = json.loads((folder / "run.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_no_outputs_are_stored() -> None:
    for cell in read_notebook()["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.tensorflow
@pytest.mark.slow
def test_notebook_trains_a_network(tiny_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = read_notebook()
    set_parameters(notebook, DATA=str(tiny_archive), OUT="run", VERSION="colab-1", NETWORK="lenet", EPOCHS=1, SEED=3)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").symlink_to(NOTEBOOK.parents[1])  # where the notebook clones the project to
    execute(notebook, tmp_path, monkeypatch)
    with unpack_artifact(tmp_path / "colab-1.zip") as folder:
        artifact = load_artifact(folder)
    assert (artifact.version, artifact.card["seed"], artifact.card["recipe"]["network"]) == ("colab-1", 3, "lenet")
    assert artifact.metrics["test"]["n"] == 35
    assert f"{artifact.metrics['test']['accuracy']:.4f}" in printed(tmp_path, "evaluation")
    assert "245 images" in printed(tmp_path, "report")
    assert "on tensorflow" in printed(tmp_path, "accelerator")
    assert "nothing, all was there" in printed(tmp_path, "project")
    assert pictures(tmp_path) >= 3  # the balance at least, the curves, confusion and reliability


def test_without_data_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = read_notebook()
    (tmp_path / "project").symlink_to(NOTEBOOK.parents[1])
    with pytest.raises(AssertionError, match="set DATA in the first cell"):
        execute(notebook, tmp_path, monkeypatch)
