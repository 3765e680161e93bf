"""manage.py register_version: what it registers, what it makes the champion, and mistakes in one line."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from classifier.models import Promotion, Version
from classifier.training.registry import find_champion, register_version
from local import prepare
from ml.artifacts import default_artifact, load_artifact
from ml.packing import pack_artifact
from tests.artifacts import make_variant


def register(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("register_version", str(path), *options, stdout=out)
    return out.getvalue().strip()


def test_without_promotion_nothing_serves(db: None) -> None:
    name = default_artifact().name
    assert register(default_artifact()) == f"{name} is registered (candidate); nothing serves"
    assert find_champion() is None


def test_zip_of_an_artifact_is_taken_too(db: None, tmp_path: Path) -> None:
    shipped = load_artifact(default_artifact())
    packed = pack_artifact(shipped, tmp_path / "network.zip")
    assert register(packed, "--promote-new") == f"{shipped.version} is registered (champion); {shipped.version} serves"
    assert Version.objects.get().digest == shipped.digest


def test_promotion_has_its_reason(db: None) -> None:
    name = default_artifact().name
    said = register(default_artifact(), "--promote", "--reason", "first of all")
    assert said == f"{name} is registered (champion); {name} serves"
    assert Promotion.objects.get().reason == "first of all"


def test_promote_new_leaves_a_rollback_alone(db: None, tmp_path: Path) -> None:
    """What every start of the site does: a shipped version that somebody replaced stays replaced."""
    register(default_artifact(), "--promote-new")
    assert str(find_champion()) == default_artifact().name
    register(make_variant(tmp_path, "2"), "--promote")
    register(default_artifact(), "--promote-new")
    assert str(find_champion()) == "2"
    register(make_variant(tmp_path, "3"), "--promote-new")
    assert str(find_champion()) == "3"


def test_a_retrained_champion_gives_way_to_no_shipped_network(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "newest_network", lambda weights: default_artifact())
    prepare.register_shipped_network()
    first = find_champion()
    assert (str(first), capsys.readouterr().out) == (default_artifact().name, "")
    own = register_version(path=make_variant(tmp_path, "own"), promote=True, reason="won at the gate", parent=first)
    newer = make_variant(tmp_path, "9.0.0")
    monkeypatch.setattr(prepare, "newest_network", lambda weights: newer)
    for _ in range(2):
        prepare.register_shipped_network()
        assert (find_champion(), Version.objects.get(name="9.0.0").state) == (own, "candidate")
        assert capsys.readouterr().out == "own serves; promote 9.0.0 in admin or with manage.py promote 9.0.0\n"
    call_command("promote", "9.0.0", stdout=io.StringIO())
    prepare.register_shipped_network()
    assert (str(find_champion()), capsys.readouterr().out) == ("9.0.0", "")


@pytest.mark.parametrize("options", [[], ["--promote"], ["--promote-new"]])
def test_mistakes_are_said_in_one_line(db: None, tmp_path: Path, options: list[str]) -> None:
    with pytest.raises(CommandError, match="no readable artifact"):
        register(tmp_path / "nowhere", *options)
    folder = make_variant(tmp_path, "2")
    (folder / "network.tflite").write_bytes(b"other")
    with pytest.raises(CommandError, match="changed or cut short"):
        register(folder, *options)
    assert not Version.objects.exists()


def test_promote_and_promote_new_exclude_each_other(db: None) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        register(default_artifact(), "--promote", "--promote-new")
