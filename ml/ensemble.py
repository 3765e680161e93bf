"""Several trained networks served as one: their logits are averaged inside a single file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.artifacts import KERAS_NETWORK, Artifact, ArtifactError, load_artifact
from ml.network import LOGITS
from ml.preprocess import SIDE

if TYPE_CHECKING:
    import keras


def load_members(folders: Sequence[Path]) -> list[Artifact]:
    """The artifacts to join.

    Raises:
        ArtifactError: fewer than two, one without its Keras file, or trained on other data or with another selection
            set: a face that one of them learned must not calibrate the others.
    """
    members = [load_artifact(folder) for folder in folders]
    if len(members) < 2:
        raise ArtifactError("an ensemble needs at least two members")
    for member in members:
        if KERAS_NETWORK not in member.files:
            raise ArtifactError(f"{member.path} lacks {KERAS_NETWORK}")
        for what, mine, first in (
            ("data", _data(member).get("sha256"), _data(members[0]).get("sha256")),
            ("selection set", _recipe(member).get("held_out"), _recipe(members[0]).get("held_out")),
        ):
            if mine is None or mine != first:
                raise ArtifactError(f"{member.path} was trained with another {what} than {members[0].path}")
    return members


def _data(member: Artifact) -> dict[str, Any]:
    return dict(member.card.get("data", {}))


def _recipe(member: Artifact) -> dict[str, Any]:
    """A network's own recipe, or that of the first member of an ensemble."""
    joined = member.card.get("members")
    return dict(joined[0]["recipe"] if joined else member.card.get("recipe", {}))


def held_out_share(members: Sequence[Artifact]) -> float:
    """The share that every member held out for selection, 0 to 1."""
    return float(_recipe(members[0])["held_out"])


def describe_members(members: Sequence[Artifact]) -> list[dict[str, Any]]:
    """The members' part of the card: version, network, command, seed, epochs and recipe of each."""
    return [
        {
            "version": member.version,
            "network": _recipe(member).get("network"),
            "seed": _recipe(member).get("seed"),
            "epochs": _recipe(member).get("epochs"),
            "command": member.card.get("command"),
            "recipe": _recipe(member),
        }
        for member in members
    ]


def join_networks(networks: "Sequence[keras.Model]") -> "keras.Model":
    """One network whose logits are the mean of the members' (a product of experts, renormalised).

    Args:
        networks: two or more of ml.network, float32 (n, 48, 48, 1) to logits (n, 7).
    """
    import keras

    crops = keras.Input((SIDE, SIDE, 1), name="crops")
    # Members may come from one recipe and bear one name, which Keras does not take inside one model.
    for number, network in enumerate(networks, start=1):
        network.name = f"member_{number}"
    logits = keras.layers.Average(name=LOGITS)([network(crops) for network in networks])
    return keras.Model(crops, logits, name="ensemble")


def join_artifacts(members: Sequence[Artifact], out: Path) -> "keras.Model":
    """Join the members' Keras networks and save the result as out/network.keras."""
    import keras

    joined = join_networks([keras.models.load_model(member.path / KERAS_NETWORK) for member in members])
    out.mkdir(parents=True, exist_ok=True)
    joined.save(out / KERAS_NETWORK)
    return joined
