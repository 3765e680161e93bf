"""The private bucket: S3 storage whose links are signed for the address that browsers use."""

from datetime import datetime
from functools import cache, cached_property
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage


def make_client(endpoint_url: str | None, config: Config | None = None) -> Any:
    """A boto3 S3 client with this project's credentials; clients may be shared by threads.

    `config` is laid over the settings' own.
    """
    with _making:
        return _share_session().client(
            "s3",
            endpoint_url=endpoint_url,
            aws_access_key_id=settings.AWS_ACCESS_KEY_ID,
            aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY,
            region_name=settings.AWS_S3_REGION_NAME,
            config=settings.S3_CLIENT_CONFIG.merge(config) if config else settings.S3_CLIENT_CONFIG,
        )


# A session reads boto3's description of S3 once, which takes a tenth of a second; it serves one thread at a time.
_making = Lock()


@cache
def _share_session() -> Any:
    return boto3.session.Session()


@cache
def share_client(endpoint_url: str | None) -> Any:
    """The one client of this process for that address."""
    return make_client(endpoint_url)


def create_bucket() -> bool:
    """Create the bucket if it is not there; True if it was made now."""
    client = make_client(settings.S3_ENDPOINT_URL)
    try:
        client.head_bucket(Bucket=settings.AWS_STORAGE_BUCKET_NAME)
        return False
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    region = settings.AWS_S3_REGION_NAME
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=settings.AWS_STORAGE_BUCKET_NAME, **place)
    return True


class PrivateS3Storage(S3Storage):
    """django-storages' S3Storage, with one session for all threads; `url` signs for S3_PUBLIC_ENDPOINT_URL."""

    @cached_property
    def _session(self) -> Any:
        return super()._create_session()

    def _create_session(self) -> Any:
        return self._session

    @property
    def connection(self) -> Any:
        """This thread's resource."""
        with _making:
            return super().connection

    @cached_property
    def link_client(self) -> Any:
        """The client whose endpoint is the public one."""
        return share_client(settings.S3_PUBLIC_ENDPOINT_URL)

    def url(
        self,
        name: str,
        parameters: dict[str, str] | None = None,
        expire: int | None = None,
        http_method: str | None = None,
    ) -> str:
        """A link to the object, valid for `expire` seconds (default: querystring_expire)."""
        link: str = self.link_client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket_name, "Key": self._normalize_name(name), **(parameters or {})},
            ExpiresIn=self.querystring_expire if expire is None else expire,
            HttpMethod=http_method,
        )
        return link


def read_object(key: str) -> bytes | None:
    """An object's bytes; None when it does not exist."""
    from django.core.files.storage import default_storage  # itself made from this module

    try:
        with default_storage.open(key) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def list_objects(prefix: str) -> dict[str, datetime]:
    """The keys that begin so, with the time of their last change; 30,000 take some seconds."""
    pages = share_client(settings.S3_ENDPOINT_URL).get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=settings.AWS_STORAGE_BUCKET_NAME, Prefix=prefix)
    return {item["Key"]: item["LastModified"] for page in found for item in page.get("Contents", [])}
