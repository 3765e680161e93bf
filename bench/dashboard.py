"""How fast the dashboard is at 10 thousand, 1 million and 10 million predictions, in the real PostgreSQL.

Each size is a database of its own, filled by COPY over 60 days, with the last day of the largest holding 1 million;
pages and their JSON are asked for in turns, so that a busy moment hits all sizes alike. One JSON line per figure. About
25 minutes and 20 GB of disk for all; `--rows 10000 1000000` for less.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from bench.simulation.site import open_site

if TYPE_CHECKING:
    from django.test import Client

DAYS, ROUNDS, PIECE = 60, 30, 250_000
SIZES = (10_000, 1_000_000, 10_000_000)
BIG_DAY = 1_000_000
ANSWERED = 0.02
PRODUCT = ("classifier_upload", "classifier_face", "classifier_prediction", "classifier_correction")
ROLLUPS = (
    "dashboard_uploadrollup", "dashboard_predictionrollup", "dashboard_answerrollup", "dashboard_shadowrollup",
    "dashboard_agreementrollup", "dashboard_samplerollup",
)  # fmt: skip
# Shares of the labels in FER-2013's training split (ml/weights/reference.json has the shipped network's).
MIX = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965]) / 28_709


def report(name: str, value: float, unit: str, n: int, **more: object) -> None:
    """One figure."""
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "n": n, **more}), flush=True)


def use_database(name: str) -> None:
    """From now on Django's connection is to this database of the same server."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def copy_database(name: str) -> None:
    """A new one, like the migrated first."""
    from django.db import connection

    first = connection.settings_dict["NAME"]
    use_database("postgres")
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{first}"')
    use_database(first)


@contextmanager
def bare_tables() -> Iterator[None]:
    """Without indexes, constraints and triggers while rows are copied in; everything is made again after."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype"
            " FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND (conrelid::regclass::text = ANY(%s)"
            " OR confrelid::regclass::text = ANY(%s)) ORDER BY contype = 'f'",
            [list(PRODUCT), list(PRODUCT)],
        )
        constraints = cursor.fetchall()
        for table, name, _, _ in reversed(constraints):
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE")
        cursor.execute(
            "SELECT quote_ident(indexname), indexdef FROM pg_indexes WHERE tablename = ANY(%s)", [list(PRODUCT)]
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition, kind in constraints:
            valid = " NOT VALID" if kind == "f" else ""  # the rows were made to fit
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{valid}")
        for table in PRODUCT:
            cursor.execute(f"ANALYZE {table}")


def fill(rows: int) -> None:
    """So many predictions, each of a photo of its own, in order of time."""
    from accounts.models import User
    from classifier.models import Promotion, Version

    people = [User.objects.create(username=f"bench-{i}", email=f"bench-{i}@example.org").pk for i in range(50)]
    versions = []
    for name, state in (("1.0.0", "retired"), ("1.1.0", "champion")):
        versions.append(Version.objects.create(name=name, state=state, digest=name.ljust(64, "0")).pk)
        Promotion.objects.create(version_id=versions[-1], reason="the benchmark")
    moments = spread(rows)
    with bare_tables():
        for begin in range(0, rows, PIECE):
            copy_piece(begin, moments[begin : begin + PIECE], people, versions)


def spread(rows: int) -> NDArray[np.float64]:
    """Moments as seconds since 1970, sorted; the last day holds BIG_DAY of the largest size."""
    last = start_of_today() - timedelta(days=1)
    first = (last - timedelta(days=DAYS - 1)).timestamp()
    rng = np.random.default_rng(rows)
    big = BIG_DAY if rows >= 5 * BIG_DAY else rows // DAYS
    early = first + rng.uniform(0, (DAYS - 1) * 86_400, rows - big)
    late = last.timestamp() + rng.uniform(0, 86_400, big)
    found: NDArray[np.float64] = np.sort(np.concatenate([early, late]))
    return found


def start_of_today() -> datetime:
    """Midnight, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def draw_rows(
    begin: int, moments: NDArray[np.float64], people: list[int], versions: list[int], rng: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """One tuple for each photo of these moments; see copy_piece for what is in it."""
    n = len(moments)
    promoted = (start_of_today() - timedelta(days=DAYS // 2)).timestamp()
    labels = rng.choice(7, n, p=MIX)
    sure = np.clip(rng.beta(4, 1.6, n), 0.2, 1)
    right = rng.random(n) < sure
    truths = np.where(right, labels, (labels + rng.integers(1, 7, n)) % 7)
    took = rng.lognormal(-1, 0.7, n)
    answered = rng.random(n) < ANSWERED * np.where(sure < 0.6, 2, 1)
    # Lists: formatting one number of an array takes several times as long.
    return zip(
        range(begin + 1, begin + n + 1), format_times(moments), format_times(moments + took),
        np.where(moments < promoted, *versions).tolist(), rng.choice(people, n).tolist(),
        np.where(rng.random(n) < 0.7, "page", "api").tolist(), rng.integers(40, 900, n).tolist(),
        rng.beta(5, 5, n).tolist(), rng.lognormal(7, 0.7, n).tolist(), labels.tolist(), sure.tolist(),
        (250 * took).tolist(), answered.tolist(), truths.tolist(), strict=True,
    )  # fmt: skip


def copy_piece(begin: int, moments: NDArray[np.float64], people: list[int], versions: list[int]) -> None:
    """COPY the rows of these moments; numbers go on from `begin`."""
    rng = np.random.default_rng(begin)
    n = len(moments)
    rows = draw_rows(begin, moments, people, versions, rng)
    keys = rng.bytes(32 * n).hex()
    files = {name: io.StringIO() for name in PRODUCT}
    uploads, faces, predictions, corrections = (files[name].write for name in PRODUCT)
    for number, at, end, version, owner, source, side, light, sharp, label, confidence, ms, said, truth in rows:
        first = 64 * (number - begin - 1)
        upload, face = keys[first : first + 32], keys[first + 32 : first + 64]
        uploads(
            f"{upload}\t{owner}\t{upload}{face}\tdone\t\t{source}\tuploads/{upload}.jpg\t1280\t960\tt\tf\t\\N\t{at}Z"
            f"\t{end}Z\t1\t\\N\t\\N\t{ms:.1f}\n"
        )
        faces(
            f"{face}\t{upload}\t0\t100\t100\t{side}\t{side}\t0.9\tdetector\tfaces/{face}.png\t0\t\\N"
            f"\t{light:.4f}\t{sharp:.1f}\n"
        )
        probabilities = [f"{(1 - confidence) / 6:.5f}"] * 7
        probabilities[label] = f"{confidence:.5f}"
        predictions(
            f"{number}\t{face}\t{version}\t{label}\t{confidence:.5f}\t{{{','.join(probabilities)}}}\t{{{label}}}"
            f"\t{ms:.1f}\tf\t{end}Z\n"
        )
        if said:
            corrections(
                f"{number}\t{face}\t{owner}\t{number}\t{truth}\tf\tresult\t{end}Z\tapproved\t{truth}\t\\N\t{end}Z\t\n"
            )
    for name, columns in COLUMNS.items():
        copy_from(name, columns, files[name])


def format_times(seconds: NDArray[np.float64]) -> list[str]:
    """Moments as PostgreSQL reads them, without the zone."""
    found: list[str] = np.datetime_as_string((seconds * 1e6).astype("datetime64[us]"), unit="us").tolist()
    return found


COLUMNS = {
    "classifier_upload": "id,owner_id,sha256,status,error,source,image,width,height,consent_training,asked_blind,"
    "revealed_at,created_at,finished_at,attempts,claimed_until,due_at,ms",
    "classifier_face": "id,upload_id,index,x,y,width,height,score,origin,crop,attempts,due_at,brightness,sharpness",
    "classifier_prediction": "id,face_id,version_id,label,confidence,probabilities,prediction_set,ms,shadow,created_at",
    "classifier_correction": "id,face_id,author_id,prediction_id,answer,blind,asked,created_at,state,final_label,"
    "reviewer_id,reviewed_at,reason",
}


def copy_from(table: str, columns: str, file: io.StringIO) -> None:
    """COPY … FROM STDIN."""
    from django.db import connection

    file.seek(0)
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", file)


def measure_storage(rows: int) -> None:
    """Bytes of tables with their indexes, by a million predictions."""
    for name, tables in (("product", PRODUCT), ("rollups", ROLLUPS)):
        size = ask("SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s) AS name", list(tables))
        report("bytes_per_million", float(size) * 1_000_000 / rows, "bytes", rows, rows=rows, tables=name)


def ask(sql: str, *values: Any) -> Any:
    """One value."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def measure_big_day(rows: int) -> None:
    """Mark the last day stale and roll it up."""
    from dashboard.models import StaleHour
    from dashboard.rollups.hours import roll_up

    last = start_of_today() - timedelta(days=1)
    hours = [last + timedelta(hours=i) for i in range(24)]
    StaleHour.objects.bulk_create(StaleHour(kind=kind, hour=hour) for kind in "up" for hour in hours)
    n = ask("SELECT count(*) FROM classifier_prediction WHERE created_at >= %s", last)
    start = perf_counter()
    roll_up()
    report("rollup_day_seconds", perf_counter() - start, "s", n, rows=rows)


def measure_pages(sizes: list[int]) -> None:
    """Ask for every page and its JSON in each database in turn."""
    from django.test import Client

    from dashboard.charts.pages import PAGES

    last = start_of_today() - timedelta(days=1)
    query = f"?since={last - timedelta(days=DAYS - 1):%Y-%m-%d}&until={last:%Y-%m-%d}"
    addresses = {f"{page} {kind}": f"{base}{page}/{query}" for page in PAGES
                 for kind, base in (("page", "/dashboard/"), ("json", "/api/v1/dashboard/"))}  # fmt: skip
    clients = {}
    for size in sizes:
        use_database(f"rows_{size}")
        clients[size] = enter(Client(SERVER_NAME="127.0.0.1"))
    took: dict[tuple[int, str], list[float]] = {}
    for turn in range(ROUNDS + 3):
        for size in sizes if turn % 2 else sizes[::-1]:
            use_database(f"rows_{size}")
            clients[size].get("/dashboard/photos/")  # the connection is made here, not in what is timed
            for name, address in addresses.items():
                seconds = time_request(lambda: clients[size].get(address))  # noqa: B023 called at once
                if turn >= 3:
                    took.setdefault((size, name), []).append(1000 * seconds)
    worst: dict[int, float] = {}
    for (size, name), values in took.items():
        p50, p95 = np.percentile(values, [50, 95])
        worst[size] = max(worst.get(size, 0), p95)
        report("dashboard_p95_ms", p95, "ms", len(values), rows=size, view=name, p50=round(p50, 1))
    for name in addresses:
        pair = [float(np.percentile(took[size, name], 95)) for size in (sizes[0], sizes[-1])]
        report("dashboard_p95_ratio", pair[1] / pair[0], "ratio", ROUNDS, rows=sizes[-1], to=sizes[0], view=name)
    report("dashboard_p95_ms", worst[sizes[-1]], "ms", ROUNDS, rows=sizes[-1], view="worst")
    report("dashboard_p95_ratio", worst[sizes[-1]] / worst[sizes[0]], "ratio", ROUNDS, rows=sizes[-1], view="worst")


def enter(client: "Client") -> "Client":
    """Logged in as staff."""
    from accounts.models import User
    from accounts.roles import set_role

    user = User.objects.create(username="bench-staff", email="bench-staff@example.org")
    set_role(user=user, role="staff")
    client.force_login(user)
    return client


def time_request(call: Callable[[], Any]) -> float:
    """Seconds; the answer must be a page."""
    start = perf_counter()
    response = call()
    seconds = perf_counter() - start
    if response.status_code != 200:
        raise SystemExit(f"{response.request['PATH_INFO']}: {response.status_code}")
    return seconds


def main() -> None:
    """Fill, roll up, measure, in a site that is thrown away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES), help="predictions of each size")
    sizes = sorted(parser.parse_args().rows)
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    with open_site(queues=()):
        from django.core.management import call_command

        from dashboard.rollups.hours import rebuild

        call_command("collectstatic", verbosity=0, interactive=False)

        for size in sizes:
            copy_database(f"rows_{size}")
        for size in sizes:
            use_database(f"rows_{size}")
            start = perf_counter()
            fill(size)
            report("load_seconds", perf_counter() - start, "s", size)
            start = perf_counter()
            rebuild()
            report("rebuild_seconds", perf_counter() - start, "s", size)
            measure_storage(size)
        measure_big_day(sizes[-1])
        measure_pages(sizes)


if __name__ == "__main__":
    main()
