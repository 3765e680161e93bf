"""The commands that make an artifact: python -m ml train and combine, with their options."""

import argparse
import dataclasses
import json
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from ml.artifacts import Artifact, ArtifactError
from ml.data import Source, load_data
from ml.fitting import TrainingError
from ml.network import NETWORKS
from ml.recipe import DIGESTS, TrainingConfig


def add_training_options(train: argparse.ArgumentParser) -> None:
    defaults = TrainingConfig()
    train.add_argument(
        "--out", type=Path, required=True, help="folder for the artifact; training state in OUT/training"
    )
    train.add_argument("--network", choices=sorted(NETWORKS), default=defaults.network)
    train.add_argument("--epochs", type=int, default=defaults.epochs)
    train.add_argument("--seed", type=int, default=defaults.seed)
    train.add_argument(
        "--trainer", choices=("tensorflow", "torch"), default=defaults.trainer, help="torch: see docs/training.md"
    )
    train.add_argument("--resume", action="store_true", help="go on with the killed run in OUT")
    train.add_argument("--init", type=Path, help="artifact folder of the same network whose weights to start from")
    train.add_argument(
        "--teacher", type=Path, help="artifact folder, also of an ensemble, to learn from (distillation)"
    )
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=_settings_help(defaults))
    train.add_argument("--name", help="the artifact's version; default: network, epochs and seed")


def add_combining_options(combine: argparse.ArgumentParser) -> None:
    combine.add_argument("members", type=Path, nargs="+", metavar="MEMBER", help="artifact folders")
    combine.add_argument("--out", type=Path, required=True, help="folder for the artifact")
    combine.add_argument("--name", help="the artifact's version; default: the folder's name")


def _settings_help(defaults: TrainingConfig) -> str:
    named = {"network", "epochs", "seed", "trainer", *DIGESTS}
    shown = [f"{key}={value}" for key, value in dataclasses.asdict(defaults).items() if key not in named]
    return "change a setting; defaults: " + ", ".join(shown)


def read_config(options: argparse.Namespace) -> TrainingConfig:
    """The run's settings from the options.

    Raises:
        TrainingError: a setting that does not exist, or a value that is none.
    """
    if options.epochs < 1:
        raise TrainingError("--epochs must be at least 1")
    config = TrainingConfig(network=options.network, epochs=options.epochs, seed=options.seed, trainer=options.trainer)
    known = dataclasses.asdict(config)
    for setting in options.set:
        name, _, value = setting.partition("=")
        if name not in known or name in DIGESTS:
            raise TrainingError(f"--set {setting}: there is no such setting; python -m ml train --help lists them")
        try:
            config = dataclasses.replace(config, **{name: _read_value(type(known[name]), value)})
        except (KeyError, ValueError):
            kind = type(known[name]).__name__
            raise TrainingError(f"--set {setting}: {name} must be of type {kind}") from None
    return config


def _read_value(kind: type, text: str) -> Any:
    return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)


def train_command(options: argparse.Namespace) -> int:
    """Train, convert, calibrate and measure a network; returns the exit status."""
    config = read_config(options)
    # Keras and TensorFlow's converter print as they like; standard output belongs to the JSON object.
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        artifact = _train_artifact(options, config)
    if artifact is None:
        print(f"ml: trained; convert, calibrate and measure it with: {_finishing(options)}", file=sys.stderr)
        return 0
    return _report_artifact(options, artifact)


def _train_artifact(options: argparse.Namespace, config: TrainingConfig) -> Artifact | None:
    """The finished artifact; None where only training is possible, for want of TensorFlow's converter."""
    import keras

    from ml.export import finish_artifact
    from ml.train import read_recipe, train_network

    network, prepared = train_network(
        options.data,
        options.out,
        votes=options.votes,
        config=config,
        resume=options.resume,
        init=options.init,
        teacher=options.teacher,
    )
    if keras.backend.backend() != "tensorflow":
        return None
    return finish_artifact(
        options.out,
        network,
        prepared,
        version=options.name or f"{config.network}-{config.epochs}-{config.seed}",
        command=_repeatable(options),
        recipe=read_recipe(options.out),
        data=options.data,
    )


def _finishing(options: argparse.Namespace) -> str:
    return f"KERAS_BACKEND=tensorflow {_repeatable(options)} --resume"


def _repeatable(options: argparse.Namespace) -> str:
    """The command that repeats this run, with file names instead of this machine's paths."""
    words = ["python", "-m", "ml", "train", *_data_words(options.data)]
    words += ["--votes", options.votes.name] if options.votes else []
    words += ["--init", options.init.name] if options.init else []
    words += ["--teacher", options.teacher.name] if options.teacher else []
    words += ["--trainer", options.trainer] if options.trainer != TrainingConfig.trainer else []
    words += [word for setting in options.set for word in ("--set", setting)]
    words += ["--network", options.network, "--epochs", str(options.epochs), "--seed", str(options.seed)]
    return shlex.join([*words, "--out", options.out.name])


def _data_words(data: Source) -> list[str]:
    """The options that name the data."""
    labels = ["--labels", data.labels] if data.labels else []
    return ["--data", data.name, *labels, *(["--skip-unknown"] if data.skip_unknown else [])]


def combine_command(options: argparse.Namespace) -> int:
    """Join trained networks into one artifact, calibrated and measured as a whole."""
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        artifact = _combine_artifacts(options)
    return _report_artifact(options, artifact)


def _combine_artifacts(options: argparse.Namespace) -> Artifact:
    from ml.ensemble import describe_members, held_out_share, join_artifacts, load_members
    from ml.export import finish_artifact
    from ml.train import prepare_data

    if (options.out / "manifest.json").exists():
        raise ArtifactError(f"{options.out} already holds an artifact; choose another folder")
    members = load_members(options.members)
    prepared = prepare_data(load_data(options.data, "train"), options.votes, held_out_share(members))
    if prepared.digest != members[0].card["data"]["sha256"]:
        raise ArtifactError(f"{options.data} is not the data that the members were trained on")
    words = ["python", "-m", "ml", "combine", *_data_words(options.data)]
    words += ["--votes", options.votes.name] if options.votes else []
    words += ["--out", options.out.name, *[folder.name for folder in options.members]]
    return finish_artifact(
        options.out,
        join_artifacts(members, options.out),
        prepared,
        version=options.name or options.out.name,
        command=shlex.join(words),
        recipe={"network": "ensemble", "held_out": held_out_share(members)},
        data=options.data,
        members=describe_members(members),
    )


def _report_artifact(options: argparse.Namespace, artifact: Artifact) -> int:
    if options.json:
        print(json.dumps({"version": artifact.version, "digest": artifact.digest, "metrics": artifact.metrics}))
    else:
        print((artifact.path / "card.md").read_text())
    return 0
