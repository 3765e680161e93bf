"""Many crops at once out of the bucket. FER-2013's are kept on this machine's disk, people's never are."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from numpy.typing import NDArray

from classifier.bucket import BucketError
from classifier.images import ImageRefused, read_crop
from fersite.storage import make_client

THREADS = 16
SIDE = 48
# Nobody waits for an answer here: a bucket that hiccups is asked again instead of failing after an hour's work.
PATIENT = Config(read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})

Crops = dict[str, NDArray[np.uint8]]

logger = logging.getLogger(__name__)


def hash_crop(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 (hexadecimal) of the 48×48 pixel bytes: a sample's name for its content."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def fetch_crops(keys: Mapping[str, str], *, on_progress: Callable[[int], object] | None = None) -> Crops:
    """The pixels of many objects, uint8 (48, 48), by their hash.

    Args:
        keys: the hash that the pixels of each key should have. What is gone, damaged or of another hash is left out.
        on_progress: called with the number of objects that are done since the last call.

    Raises:
        BucketError: the S3 server refused or did not answer, retries included.
    """
    found: Crops = {}
    client = make_client(settings.S3_ENDPOINT_URL, PATIENT)
    fetch = partial(_fetch, client, settings.AWS_STORAGE_BUCKET_NAME)
    with ThreadPoolExecutor(THREADS) as threads:
        try:
            for digest, pixels in threads.map(fetch, keys.items()):
                if pixels is not None:
                    found[digest] = pixels
                if on_progress:
                    on_progress(1)
        except (BotoCoreError, ClientError) as error:
            threads.shutdown(cancel_futures=True)
            raise BucketError(f"the bucket does not give its objects: {error}") from error
    return found


def read_kept(wanted: Collection[str]) -> Crops:
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


def keep_crops(crops: Crops) -> None:
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


def _fetch(client: Any, bucket: str, wanted: tuple[str, str]) -> tuple[str, NDArray[np.uint8] | None]:
    key, digest = wanted
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        pixels = read_crop(content)
    except client.exceptions.NoSuchKey:
        return digest, None
    except ImageRefused:
        return digest, None
    return digest, pixels if pixels.shape == (SIDE, SIDE) and hash_crop(pixels) == digest else None
