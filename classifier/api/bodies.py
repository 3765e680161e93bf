"""Keeps a request's body small: photos within their limit, for the page and the interface, and no files anywhere else.

Install the limit for photos before anything reads the body; even Django's CSRF check does.
"""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.datastructures import MultiValueDict

from classifier.photos.images import MAX_BYTES

OVERHEAD = 64 * 1024  # boundaries, headers and small fields around the photo
MAX_BODY = MAX_BYTES + OVERHEAD
DRAIN_BYTES = 64 * 1024 * 1024


class SmallBody(FileUploadHandler):
    """Upload handler of every address that takes no photos (FILE_UPLOAD_HANDLERS): multipart as small as other forms.

    Such a body fits into memory, so nothing of it reaches the disk. gunicorn enforces Content-Length.
    """

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.length = read_length(request)

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        """Refuse a body that says it is too large, before anything is read."""
        if self.length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("A multipart body that is too large.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass it on to the next handler."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The next handler has the file."""


class BodyLimit(FileUploadHandler):
    """Upload handler that stops reading as soon as the files are too large; `exceeded` says that it did."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.exceeded = read_length(request) > MAX_BODY
        self.received = 0

    def handle_raw_input(self, *args: object, **kwargs: object) -> tuple[QueryDict, MultiValueDict] | None:  # type: ignore[type-arg]
        """A body that says it is too large is not read at all: no fields, no files."""
        return (QueryDict(), MultiValueDict()) if self.exceeded else None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass the chunk on to the next handler while there is room."""
        self.received += len(raw_data)
        if self.received > MAX_BYTES:
            self.exceeded = True
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The next handler has the file."""


def limit_body(request: HttpRequest) -> BodyLimit:
    """Install the limit for photos on a request whose body nobody has read yet."""
    limit = BodyLimit(request)
    others = [handler for handler in request.upload_handlers if not isinstance(handler, SmallBody)]
    request.upload_handlers = [limit, *others]
    return limit


def read_length(request: HttpRequest) -> int:
    """The Content-Length in bytes; 0 when there is none."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def drain_after(response: HttpResponseBase, request: HttpRequest) -> None:
    """Once the answer is out, read and drop what the client still sends, up to 64 MiB.

    Most clients read the answer only after they have sent everything; closing on them would lose it.
    """

    def drain() -> None:
        dropped = 0
        try:
            while dropped < DRAIN_BYTES and (chunk := request.read(64 * 1024)):
                dropped += len(chunk)
        except (OSError, ValueError):
            return  # the client is gone, or the stream is closed

    if read_length(request) <= DRAIN_BYTES:
        response._resource_closers.append(drain)  # type: ignore[attr-defined]
