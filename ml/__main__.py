"""The command line: python -m ml clean | train | combine | evaluate | crops | predict."""

import argparse
import dataclasses
import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

# Before TensorFlow is first imported, or it fills the terminal with lines about absent GPUs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ml.artifacts import Artifact, ArtifactError, default_artifact, load_artifact
from ml.crops import CROP_SPLITS
from ml.data import SPLITS, DataError, FaceData, load_data
from ml.labels import LABELS
from ml.network import NETWORKS
from ml.train import DIGESTS, TrainingConfig, TrainingError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 on a failure that standard error explains, 2 on wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (ArtifactError, DataError, TrainingError) as error:
        print(f"ml: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m ml", description="Data, training, evaluation and prediction.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    clean = _command(commands, "clean", clean_command, "report what is wrong with a dataset")
    train = _command(commands, "train", train_command, "train a network and write it as an artifact")
    evaluate = _command(commands, "evaluate", evaluate_command, "measure a network on a labelled split")
    predict = _command(commands, "predict", predict_command, "name the expressions in photos")
    combine = _command(commands, "combine", combine_command, "join trained networks into one artifact")
    crops = _command(commands, "crops", crops_command, "measure what wider, tighter and detected crops cost")
    for command in (clean, train, evaluate, combine, crops):
        command.add_argument("--data", type=Path, required=True, help="Kaggle image folders, a zip of them, or the CSV")
    for command in (clean, train, combine):
        command.add_argument("--votes", type=Path, help="FER+ votes as CSV")
    for command in (evaluate, predict, crops):
        command.add_argument("--model", type=Path, help="artifact folder; default: the newest one in ml/weights")
    evaluate.add_argument("--split", choices=SPLITS, required=True)
    crops.add_argument("--split", choices=CROP_SPLITS, required=True)
    crops.add_argument("--limit", type=int, metavar="N", help="measure on N faces only, drawn by a fixed seed")
    predict.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    combine.add_argument("members", type=Path, nargs="+", metavar="MEMBER", help="artifact folders")
    combine.add_argument("--out", type=Path, required=True, help="folder for the artifact")
    combine.add_argument("--name", help="the artifact's version; default: the folder's name")
    _add_training_options(train)
    return parser


def _command(commands: Any, name: str, function: Any, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    command.set_defaults(command=function)
    return command


def _add_training_options(train: argparse.ArgumentParser) -> None:
    defaults = TrainingConfig()
    train.add_argument(
        "--out", type=Path, required=True, help="folder for the artifact; training state in OUT/training"
    )
    train.add_argument("--network", choices=sorted(NETWORKS), default=defaults.network)
    train.add_argument("--epochs", type=int, default=defaults.epochs)
    train.add_argument("--seed", type=int, default=defaults.seed)
    train.add_argument("--resume", action="store_true", help="go on with the killed run in OUT")
    train.add_argument("--init", type=Path, help="artifact folder of the same network whose weights to start from")
    train.add_argument(
        "--teacher", type=Path, help="artifact folder, also of an ensemble, to learn from (distillation)"
    )
    train.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=_settings_help(defaults))
    train.add_argument("--name", help="the artifact's version; default: network, epochs and seed")


def _settings_help(defaults: TrainingConfig) -> str:
    named = {"network", "epochs", "seed", *DIGESTS}
    shown = [f"{key}={value}" for key, value in dataclasses.asdict(defaults).items() if key not in named]
    return "change a setting; defaults: " + ", ".join(shown)


def read_config(options: argparse.Namespace) -> TrainingConfig:
    """The run's settings from the options.

    Raises:
        TrainingError: a setting that does not exist, or a value that is none.
    """
    if options.epochs < 1:
        raise TrainingError("--epochs must be at least 1")
    config = TrainingConfig(network=options.network, epochs=options.epochs, seed=options.seed)
    known = dataclasses.asdict(config)
    for setting in options.set:
        name, _, value = setting.partition("=")
        if name not in known or name in DIGESTS:
            raise TrainingError(f"--set {setting}: there is no such setting; python -m ml train --help lists them")
        try:
            config = dataclasses.replace(config, **{name: type(known[name])(value)})
        except ValueError:
            kind = type(known[name]).__name__
            raise TrainingError(f"--set {setting}: {name} must be of type {kind}") from None
    return config


def clean_command(options: argparse.Namespace) -> int:
    """Report on a dataset."""
    from ml.report import format_report, run_report

    report = run_report(options.data, options.votes)
    print(json.dumps(report) if options.json else format_report(report))
    return 0


def train_command(options: argparse.Namespace) -> int:
    """Train, convert, calibrate, measure."""
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
    words = ["python", "-m", "ml", "train", "--data", options.data.name]
    words += ["--votes", options.votes.name] if options.votes else []
    words += ["--init", options.init.name] if options.init else []
    words += ["--teacher", options.teacher.name] if options.teacher else []
    words += [word for setting in options.set for word in ("--set", setting)]
    words += ["--network", options.network, "--epochs", str(options.epochs), "--seed", str(options.seed)]
    return shlex.join([*words, "--out", options.out.name])


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
    words = ["python", "-m", "ml", "combine", "--data", options.data.name]
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


def _load(options: argparse.Namespace) -> Artifact:
    return load_artifact(options.model or default_artifact())


def evaluate_command(options: argparse.Namespace) -> int:
    """Measure the served pipeline on labelled crops."""
    from ml.evaluate import evaluate_parts
    from ml.predict import Network

    artifact = _load(options)
    data = load_data(options.data, options.split)
    found = evaluate_parts(Network(artifact), artifact.calibration, data.images, data.labels, _twinless(options, data))
    figures = {**found.pop("all"), **found, "version": artifact.version}
    for bad in data.bad:
        print(f"ml: skipped {bad.name}: {bad.reason}", file=sys.stderr)
    if options.json:
        print(json.dumps(figures))
    else:
        print(_format_figures(figures))
    return 0


def _twinless(options: argparse.Namespace, data: FaceData) -> dict[str, Any]:
    """The parts of a test split that have no twin in the training split, where the data holds one."""
    from ml.evaluate import find_twinless

    if options.split == "train":
        return {}
    try:
        return find_twinless(data, load_data(options.data, "train"))
    except DataError:
        return {}


def _format_figures(figures: dict[str, Any]) -> str:
    names = ("accuracy", "macro_f1", "nll", "brier", "ece", "set_coverage", "set_size", "ms_per_face_p50")
    lines = [f"version {figures['version']}, n = {figures['n']:,}"]
    lines += [f"{name:>16}  {figures[name]:.4f}{_format_range(figures, name)}" for name in names]
    for part in ("without_twins", "without_near_twins"):
        if part in figures:
            lines.append(f"{part}: n = {figures[part]['n']:,}, accuracy {figures[part]['accuracy']:.4f}")
    lines += [f"{label:>16}  " + "  ".join(f"{k} {v:.3f}" for k, v in row.items())
              for label, row in figures["per_class"].items()]  # fmt: skip
    lines.append("confusion (rows: true, columns: " + ", ".join(LABELS) + ")")
    lines += ["  ".join(f"{count:5d}" for count in row) for row in figures["confusion"]]
    return "\n".join(lines)


def _format_range(figures: dict[str, Any], name: str) -> str:
    low, high = figures.get("ece_band" if name == "ece" else f"{name}_interval", (None, None))
    if low is None:
        return ""
    return f"  ({low:.4f}–{high:.4f}{' if perfectly calibrated' if name == 'ece' else ''})"


def crops_command(options: argparse.Namespace) -> int:
    """Measure what the cut costs."""
    from ml.crops import choose_faces, format_crops, load_crops, measure_crops
    from ml.predict import Pipeline

    artifact = _load(options)
    faces = choose_faces(load_crops(options.data, options.split, artifact), options.limit)
    figures = measure_crops(Pipeline(artifact), faces.images, faces.labels)
    print(json.dumps(figures) if options.json else format_crops(figures))
    return 0


def predict_command(options: argparse.Namespace) -> int:
    """Name the expressions in photos; exit status 1 if any photo failed."""
    from ml.predict import Pipeline, predict_file

    pipeline = Pipeline(_load(options))
    results = [predict_file(pipeline, photo) for photo in options.photos]
    if options.json:
        print(json.dumps({"results": results}))
    else:
        for result in results:
            print(_format_photo(result))
    return 1 if any(result["error"] for result in results) else 0


def _format_photo(result: dict[str, Any]) -> str:
    if result["error"]:
        return f"{result['file']}: {result['error'].replace('_', ' ')}"
    faces = [f"  {face['box']}  appears {face['label']} ({face['confidence']:.0%}; could be: {', '.join(face['set'])})"
             for face in result["faces"]]  # fmt: skip
    return "\n".join([f"{result['file']}: {len(faces) or 'no'} face{'s' * (len(faces) != 1)}", *faces])


if __name__ == "__main__":
    sys.exit(main())
