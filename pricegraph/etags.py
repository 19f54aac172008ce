"""Answers that a client may keep, and asks about before each use: ETag and 304 (RFC 9110, 8.8.3 and 13.1.2)."""

from __future__ import annotations

import re
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def revalidate(request: Request, response: Response, cache_control: str) -> Response:
    """The answer with a tag and how long it may be kept; or 304 without it, to a client that has this very one.

    The tag is weak, for it stands for the answer in every encoding; comparing weakly is all that GET asks for.
    """
    kind = response.headers.get("content-type", "")
    digest = sha256(kind.encode() + b"\n" + response.body).hexdigest()[:32]
    headers = {"etag": f'W/"{digest}"', "cache-control": cache_control}
    if _names(", ".join(request.headers.getlist("if-none-match")), digest):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def _names(if_none_match: str, digest: str) -> bool:
    return if_none_match.strip() == "*" or digest in _TAG.findall(if_none_match)
