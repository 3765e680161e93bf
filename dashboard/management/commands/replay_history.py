"""Fill a demonstration site with a history: manage.py replay_history PATH [--faces N] [--days N] [--json]."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from classifier.models import Upload
from dashboard.replay import Played, ReplayError, replay_history
from ml.data import DataError, load_data


class Command(BaseCommand):
    help = (
        "Upload faces of FER-2013's test split through the running site, have them answered and reviewed, and date it "
        "all back over the last days; the last ten of them with darkened photos. For demonstrations: the rows "
        "stay, under accounts named replay-…, the dashboard says so, and the approved faces join the dataset."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="FER-2013, as python -m ml reads it")
        parser.add_argument("--faces", type=int, default=2400, help="how many (default: 2400)")
        parser.add_argument("--days", type=int, default=60, help="over so many days up to yesterday (default: 60)")
        parser.add_argument("--drift-days", type=int, default=10, help="the last of them are darkened (default: 10)")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--among-real-photos", action="store_true", help="even where people have uploaded photos")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay; exit with an error where the site holds real photos, or nobody works on the uploads."""
        real = Upload.objects.measured().exclude(owner__username__startswith="replay-")
        if real.exists() and not options["among_real_photos"]:
            raise CommandError("this site holds people's photos: a replay would mix with them (--among-real-photos)")
        try:
            data = load_data(options["path"], "test")
            chosen = np.zeros(len(data), dtype=bool)
            chosen[np.random.default_rng(options["seed"]).permutation(len(data))[: options["faces"]]] = True
            played = replay_history(
                data=data.select(chosen),
                days=options["days"],
                drift_days=options["drift_days"],
                seed=options["seed"],
                on_day=lambda day, photos: self.stderr.write(f"{day:%Y-%m-%d}: {photos} photos"),
            )
        except (DataError, ReplayError) as error:
            raise CommandError(str(error)) from None
        self.print_played(played, as_json=options["json"])

    def print_played(self, played: Played, *, as_json: bool) -> None:
        """Counts, and when which alert fired."""
        replay = played.replay
        counts = {name: getattr(played, name) for name in ("photos", "faces", "answers", "reviewed")}
        fired = [{"rule": alert.rule.name, "at": f"{alert.opened_at:%Y-%m-%dT%H:%MZ}"} for alert in played.alerts]
        days = {name: str(getattr(replay, name)) for name in ("first_day", "last_day", "drift_from")}
        if as_json:
            self.stdout.write(json.dumps({**counts, **days, "alerts": fired}))
            return
        self.stdout.write(", ".join(f"{number:,} {name}" for name, number in counts.items()))
        self.stdout.write(f"{replay.first_day} to {replay.last_day}, darkened from {replay.drift_from} on")
        for alert in fired:
            self.stdout.write(f"alert at {alert['at']}: {alert['rule']}")
