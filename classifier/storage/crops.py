"""Many crops at once out of the bucket. FER-2013's are kept on this machine's disk, people's never are."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from django.conf import settings
from numpy.typing import NDArray
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from classifier.storage.bulk import BucketError
from classifier.storage.codec import ImageDamaged, read_crop
from fersite.s3 import share_client

THREADS = 16
SIDE = 48
LINK_SECONDS = 300
# As settings.S3_CLIENT_CONFIG where somebody waits; where nobody does, a bucket that hiccups is asked again.
QUICK = (Timeout(connect=2, read=5), 1)
PATIENT = (Timeout(connect=5, read=30), 5)

Crops = dict[str, NDArray[np.uint8]]

logger = logging.getLogger(__name__)


def hash_crop(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 (hexadecimal) of the 48×48 pixel bytes: a sample's name for its content."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def iterate_crops(
    keys: Mapping[str, str], *, patient: bool = True, on_progress: Callable[[int], object] | None = None
) -> Iterator[tuple[str, NDArray[np.uint8] | None]]:
    """Each key with its pixels, uint8 (48, 48), or None where they are gone, damaged or of another hash.

    Through links that boto3 signs and urllib3 follows: three times as many a second as boto3's own get_object.

    Args:
        keys: the hash that the pixels of each key should have.
        patient: nobody waits for the answer.
        on_progress: called with the number of objects that are done since the last call.

    Raises:
        BucketError: the S3 server refused or did not answer, retries included.
    """
    timeout, attempts = PATIENT if patient else QUICK
    retries = Retry(attempts, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False)
    pool = PoolManager(maxsize=THREADS, timeout=timeout, retries=retries, ca_certs=get_cert_path(True))
    threads = ThreadPoolExecutor(THREADS)
    try:
        for key, pixels in threads.map(partial(_fetch, pool), keys.items()):
            yield key, pixels
            if on_progress:
                on_progress(1)
    except (BotoCoreError, HTTPError) as error:
        raise BucketError(f"the bucket does not give its objects: {error}") from error
    finally:
        threads.shutdown(cancel_futures=True)
        pool.clear()


def fetch_crops(
    keys: Mapping[str, str], *, patient: bool = True, on_progress: Callable[[int], object] | None = None
) -> Crops:
    """Fetch crops by hash; missing ones are left out.

    Damaged ones and those of another hash are left out, too. Raises BucketError.
    """
    found = iterate_crops(keys, patient=patient, on_progress=on_progress)
    return {keys[key]: pixels for key, pixels in found if pixels is not None}


def read_cached(wanted: Collection[str]) -> Crops:
    """Those of the wanted crops that lie on this machine's disk.

    Each is known by the hash of what was read just now: a damaged file gives fewer crops, never a wrong one.
    """
    try:
        images = np.load(_path(), allow_pickle=False)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, EOFError) as error:
        logger.warning("the crops kept on disk cannot be read and are fetched again: %s", error)
        return {}
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        return {}
    digests = ((hash_crop(image), image) for image in images)
    return {digest: image for digest, image in digests if digest in wanted}


def cache_crops(crops: Crops) -> None:
    """Replace what is kept on disk by these; nothing fails where the disk does not take them.

    Give it no person's crop: what somebody erases must not live on in a file.
    """
    path = _path()
    images = np.stack(list(crops.values())) if crops else np.empty((0, SIDE, SIDE), dtype=np.uint8)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            try:
                np.save(file, images, allow_pickle=False)
                file.close()
                Path(file.name).replace(path)
            finally:
                with suppress(FileNotFoundError):
                    Path(file.name).unlink()
    except OSError as error:
        logger.warning("crops are not kept on disk: %s", error)


def _path() -> Path:
    return Path(settings.FERSITE_STATE) / "crops.npy"


def _fetch(pool: PoolManager, wanted: tuple[str, str]) -> tuple[str, NDArray[np.uint8] | None]:
    key, digest = wanted
    client = share_client(settings.S3_ENDPOINT_URL)
    place = {"Bucket": settings.AWS_STORAGE_BUCKET_NAME, "Key": key}
    answer = pool.request("GET", client.generate_presigned_url("get_object", Params=place, ExpiresIn=LINK_SECONDS))
    if answer.status == 404:
        return key, None
    if answer.status != 200:
        raise BucketError(f"the bucket does not give its objects: status {answer.status}")
    try:
        pixels = read_crop(answer.data)
    except ImageDamaged:
        return key, None
    return key, pixels if pixels.shape == (SIDE, SIDE) and hash_crop(pixels) == digest else None
