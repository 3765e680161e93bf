"""Puts many face crops into the bucket, from several processes: boto3 spends its time in Python, not on the wire.

The processes are spawned with the first batch (unless it is small, and the only one), know nothing of the database, and
end with the process that started them.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from numpy.typing import NDArray
from s3transfer.exceptions import RetriesExceededError  # type: ignore[import-untyped]

# boto3 keeps a core busy with about four threads; two such processes fill two cores, the S3 server included.
PROCESSES = 2
THREADS = 4
# So many crops, if there are no more, this process stores itself: to start others takes seconds.
FEW = 256
# Batches given to each process ahead, so that none waits for the reader.
AHEAD = 2
STOP_SECONDS = 60

# What boto3 and the transfers under it raise when the S3 server refuses or does not answer.
BUCKET_OUTAGES = (BotoCoreError, Boto3Error, ClientError, RetriesExceededError)

Crop = tuple[str, NDArray[np.uint8]]
Put = Callable[[Crop], None]


class BucketError(Exception):
    """An object could not be stored or read; the message says why."""


@contextmanager
def expect_outages() -> Iterator[None]:
    """What boto3 raises inside becomes a BucketError."""
    try:
        yield
    except BUCKET_OUTAGES as error:
        raise BucketError(f"the bucket does not answer: {error}") from error


@dataclass
class Batch:
    """Crops to store, as (key, uint8 (48, 48)), and the rows that may be written once they are stored."""

    crops: list[Crop] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)


def put_batches(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Store the crops of each batch as PNG; yields the batches in their order.

    A batch comes out when its own crops and those of all batches before it are stored, so that its rows may refer to
    any of them. Storing an object again replaces it with the same content.

    Raises:
        BucketError: the S3 server refused or did not answer (boto3's retries included), or a process was killed.
    """
    coming = iter(batches)
    first = list(islice(coming, 2))
    if len(first) == 1 and len(first[0].crops) <= FEW:
        yield _store_here(first[0])
        return
    context = multiprocessing.get_context("spawn")
    workers: list[tuple[BaseProcess, Connection]] = []
    given: deque[tuple[Batch, Connection]] = deque()
    try:
        for number, batch in enumerate(chain(first, coming)):
            if len(workers) < PROCESSES:
                workers.append(_start(context))
            connection = workers[number % PROCESSES][1]
            with _naming_death():
                connection.send(batch.crops)
            given.append((batch, connection))
            if len(given) > PROCESSES * AHEAD:
                yield _finish(*given.popleft())
        while given:
            yield _finish(*given.popleft())
    finally:
        for _, connection in workers:
            connection.close()
        for process, _ in workers:
            process.join(STOP_SECONDS)


def _store_here(batch: Batch) -> Batch:
    from fersite.s3 import share_client

    put = partial(_put, share_client(settings.S3_ENDPOINT_URL), settings.AWS_STORAGE_BUCKET_NAME)
    with ThreadPoolExecutor(THREADS) as threads:
        if problem := _store(threads, put, batch.crops):
            raise BucketError(problem)
    return batch


@contextmanager
def _naming_death() -> Iterator[None]:
    """Turns a broken pipe into BucketError: the process at its other end is gone."""
    try:
        yield
    except (OSError, EOFError):
        raise BucketError("a process that stores objects was killed; run the same command again") from None


def _start(context: Any) -> tuple[BaseProcess, Connection]:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, settings.AWS_STORAGE_BUCKET_NAME), daemon=True)
    process.start()
    theirs.close()  # or it would never see that we are gone
    return process, ours


def _finish(batch: Batch, connection: Connection) -> Batch:
    with _naming_death():
        problem = connection.recv()
    if problem:
        raise BucketError(problem)
    return batch


def _serve(connection: Connection, bucket: str) -> None:
    """In the child: store batches until the other end is closed, or gone with its process."""
    from fersite.s3 import make_client

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pipe
    put = partial(_put, make_client(settings.S3_ENDPOINT_URL), bucket)
    # Answers come from a thread of their own, so that the next batch is taken off the pipe, which holds less than one.
    with ThreadPoolExecutor(THREADS) as threads, ThreadPoolExecutor(1) as answers, suppress(OSError, EOFError):
        while True:
            answers.submit(_answer, connection, threads, put, connection.recv())


def _answer(connection: Connection, threads: ThreadPoolExecutor, put: Put, crops: list[Crop]) -> None:
    problem = _store(threads, put, crops)
    with suppress(OSError):
        connection.send(problem)


def _store(threads: ThreadPoolExecutor, put: Put, crops: list[Crop]) -> str:
    """Store a batch; the first problem, or an empty text."""
    try:
        for _ in threads.map(put, crops):
            pass
    except Exception as error:  # noqa: BLE001 - without an answer the parent would wait for ever
        return f"the bucket does not take objects: {str(error) or type(error).__name__}"
    return ""


def _put(client: Any, bucket: str, crop: Crop) -> None:
    from classifier.storage.codec import encode_crop

    key, pixels = crop
    client.put_object(Bucket=bucket, Key=key, Body=encode_crop(pixels), ContentType="image/png")
