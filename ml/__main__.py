"""The command line: python -m ml clean | train | combine | evaluate | crops | squares | reference | predict."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Before TensorFlow is first imported, or it fills the terminal with lines about absent GPUs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ml.artifacts import Artifact, ArtifactError, default_artifact, load_artifact
from ml.crops import CROP_SPLITS
from ml.data import SPLITS, DataError, FaceData, Source, load_data
from ml.fitting import TrainingError
from ml.labels import DIGITS, LABELS
from ml.training_commands import (
    add_combining_options,
    add_training_options,
    combine_command,
    train_command,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 on a failure that standard error explains, 2 on wrong usage."""
    options = _parser().parse_args(arguments)
    if "data" in options:
        options.data = Source(options.data, options.labels, options.skip_unknown)
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
    squares = _command(commands, "squares", squares_command, "fit the square that is cut around a face")
    reference = _command(commands, "reference", reference_command, "count how the faces held out of training look")
    for command in (clean, train, evaluate, combine, crops, squares, reference):
        command.add_argument("--data", type=Path, required=True, help="image folders or the CSV, packed or not")
        command.add_argument("--labels", choices=sorted(DIGITS), default="", help="what digits as labels mean")
        command.add_argument("--skip-unknown", action="store_true", help="leave out folders that are not understood")
    for command in (clean, train, combine, reference):
        command.add_argument("--votes", type=Path, help="FER+ votes as CSV")
    for command in (evaluate, predict, crops, reference):
        command.add_argument("--model", type=Path, help="artifact folder; default: the newest one in ml/weights")
    clean.add_argument("--pictures", type=Path, metavar="DIR", help="draw examples of what is wrong as PNG files there")
    evaluate.add_argument("--split", choices=SPLITS, required=True)
    crops.add_argument("--split", choices=CROP_SPLITS, required=True)
    crops.add_argument("--limit", type=int, metavar="N", help="measure on N faces only, drawn by a fixed seed")
    squares.add_argument("--faces", type=int, default=12_000, metavar="N", help="fit on N training faces")
    squares.add_argument(
        "--out", type=Path, required=True, help="the JSON file to write; the site reads ml/squares.json"
    )
    reference.add_argument(
        "--out", type=Path, required=True, help="the JSON file to write; the site reads ml/weights/reference.json"
    )
    predict.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    add_combining_options(combine)
    add_training_options(train)
    return parser


def _command(commands: Any, name: str, function: Any, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    command.set_defaults(command=function)
    return command


def clean_command(options: argparse.Namespace) -> int:
    from ml.report import format_report, run_report

    report = run_report(options.data, options.votes)
    if options.pictures:
        from ml.contact_sheets import write_pictures

        report["pictures"] = [file.name for file in write_pictures(report, options.data, options.pictures)]
    print(json.dumps(report) if options.json else format_report(report))
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
    from ml.crops import choose_faces, format_crops, load_crops, measure_crops
    from ml.predict import Pipeline

    artifact = _load(options)
    faces = choose_faces(load_crops(options.data, options.split, artifact), options.limit)
    figures = measure_crops(Pipeline(artifact), faces.images, faces.labels)
    print(json.dumps(figures) if options.json else format_crops(figures))
    return 0


def squares_command(options: argparse.Namespace) -> int:
    """Fit ml.squares on training faces, none of them held out for selection."""
    from ml.square_fit import choose_images, fit_squares, gather_points

    fit = fit_squares(gather_points(choose_images(options.data, options.faces)))
    options.out.write_text(json.dumps(fit, indent=1) + "\n")
    print(json.dumps({name: fit[name] for name in ("faces", "spread_before", "spread_after")}))
    return 0


def reference_command(options: argparse.Namespace) -> int:
    """Write what production is compared with: counts over the faces that the network held out of its training."""
    from ml.reference import find_selection, measure_reference

    artifact = _load(options)
    reference = measure_reference(artifact, find_selection(options.data, options.votes, artifact))
    options.out.write_text(json.dumps(reference, indent=1) + "\n")
    print(json.dumps({name: reference[name] for name in ("version", "n")}))
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
