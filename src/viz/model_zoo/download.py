"""One model file over HTTP: streamed to disk, resumed where it stopped, checked for size and checksum."""

import hashlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from viz.core.errors import ModelError
from viz.model_zoo.catalogue import ZooEntry
from viz.model_zoo.progress import Watcher

CHUNK = 1 << 16
WORTH_MORE_TRIES = 1 << 20  # a connection that brings this much before it breaks is slow, not broken


@dataclass(frozen=True)
class Patience:
    """How long a download may go wrong: seconds without a byte, tries after the first, seconds before the second."""

    stall: float = 30.0
    retries: int = 3
    pause: float = 1.0


class DownloadFailed(Exception):
    """This address does not give the file; the message says why."""


class _Interrupted(Exception):
    """Not this time; the same address may give the rest when asked again."""


def download(url: str, entry: ZooEntry, part: Path, patience: Patience, watcher: Watcher) -> None:
    """Fill `part` with the file of `entry`; when this returns, size and sha256 are right.

    What an earlier try left in `part` is completed rather than fetched again. Raises `DownloadFailed` where this
    address cannot give the file, and `ModelError` where the disk cannot take it.
    """
    _check_address(url)
    failures = 0
    while True:
        before = _bytes_in(part)
        try:
            return _attempt(url, entry, part, patience.stall, watcher)
        except _Interrupted as reason:
            failures = 1 if _bytes_in(part) - before >= WORTH_MORE_TRIES else failures + 1
            if failures > patience.retries:
                raise DownloadFailed(f"{reason} (tried {failures} times)") from None
            pause = patience.pause * 2 ** (failures - 1)
            watcher.say(f"{reason}; trying again in {pause:g} s")
            time.sleep(pause)
        except OSError as problem:  # those of the network have become the two above
            raise ModelError(
                f"{str(part)!r} cannot be written: {problem.strerror}",
                "make room, or set VIZ_CACHE to another folder",
            ) from None


def discard(part: Path) -> None:
    """Remove an unfinished download and what was noted about it."""
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


def _attempt(url: str, entry: ZooEntry, part: Path, stall: float, watcher: Watcher) -> None:
    assert entry.size is not None
    resumed_at = _bytes_in(part)
    if resumed_at < entry.size:
        with _answer(url, part, resumed_at, stall) as response:
            resumed_at = _start(response, entry, part, resumed_at)
            _note_etag(response, url, part)
            _receive(_chunks(response, stall), entry, part, resumed_at, watcher)
    _verify(entry, part, resumed_at)


def _verify(entry: ZooEntry, part: Path, resumed_at: int) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == entry.sha256:
        return
    discard(part)
    if resumed_at:  # the two ends may be of different files: once more, from the start
        raise _Interrupted("the completed download is not the file")
    raise DownloadFailed(f"the file's sha256 is {found}, expected {entry.sha256}; it was removed")


def _answer(url: str, part: Path, have: int, stall: float) -> HTTPResponse:
    """The server's answer to a request for everything after the first `have` bytes."""
    headers = {"User-Agent": "onnx-viz", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if etag := _noted_etag(part, url):
            headers["If-Range"] = etag
    request = Request(url, headers=headers)  # noqa: S310  its scheme was checked
    try:
        with _network_errors(stall):
            return cast(HTTPResponse, build_opener(_SafeRedirects).open(request, timeout=stall))
    except HTTPError as problem:
        with problem:
            raise _refusal(problem, part) from None


def _refusal(problem: HTTPError, part: Path) -> Exception:
    if problem.code == 416:  # there is nothing after what we have: it is not a piece of this file
        discard(part)
        return _Interrupted("the server has no such range")
    answer = f"the server answered {problem.code} {problem.reason}"
    if 300 <= problem.code < 400:
        web = urlsplit(problem.url).scheme in ("http", "https")
        return DownloadFailed("it redirects without end" if web else f"it redirects to {problem.url!r}: refused")
    passing = problem.code >= 500 or problem.code in (408, 425, 429)
    return _Interrupted(answer) if passing else DownloadFailed(answer)


def _start(response: HTTPResponse, entry: ZooEntry, part: Path, have: int) -> int:
    """The offset that the body begins at: `have` where the server resumes, 0 where it begins anew."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != have or found[2] not in ("*", str(entry.size)):
            discard(part)
            raise _Interrupted(f"it resumes in the wrong place ({response.headers.get('Content-Range')})")
        return have
    if response.status != 200:
        raise DownloadFailed(f"the server answered {response.status} {response.reason}")
    if response.length not in (None, entry.size):
        raise DownloadFailed(f"it offers {response.length} bytes, expected {entry.size}")
    return 0


def _receive(chunks: Iterator[bytes], entry: ZooEntry, part: Path, start: int, watcher: Watcher) -> None:
    """Write the chunks behind the first `start` bytes of `part`; raises `_Interrupted` where they end early."""
    assert entry.size is not None
    done = start
    with part.open("ab") as file:
        file.truncate(start)
        for chunk in chunks:
            done += len(chunk)
            if done > entry.size:
                break
            file.write(chunk)
            watcher.at(done)
    if done > entry.size:
        discard(part)
        raise DownloadFailed(f"it sends more than the expected {entry.size} bytes")
    if done < entry.size:
        raise _Interrupted(f"the connection closed after {done} of {entry.size} bytes")


def _chunks(response: HTTPResponse, stall: float) -> Iterator[bytes]:
    with _network_errors(stall):
        while chunk := response.read1(CHUNK):
            yield chunk


@contextmanager
def _network_errors(stall: float) -> Iterator[None]:
    """Sort what the network does wrong: worth another try, or hopeless at this address."""
    try:
        yield
    except HTTPError:
        raise
    except URLError as problem:
        raise _unreachable(problem.reason, stall) from None
    except TimeoutError:
        raise _Interrupted(f"no byte came for {stall:g} s") from None
    except (OSError, HTTPException) as problem:
        raise _Interrupted(f"the connection broke: {problem or type(problem).__name__}") from None


def _unreachable(reason: object, stall: float) -> Exception:
    if isinstance(reason, TimeoutError):
        return _Interrupted(f"no answer for {stall:g} s")
    if isinstance(reason, socket.gaierror):
        return DownloadFailed(f"its name cannot be resolved: {reason.strerror}; is there a network?")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadFailed(f"its certificate is not trusted: {reason.verify_message}")
    return _Interrupted(f"no connection: {reason}")


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a few redirects, and none to a less safe scheme."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """The request for the new address; raises `DownloadFailed` where it must not be followed."""
        check_redirect(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_redirect(old: str, new: str) -> None:
    """Raise `DownloadFailed` for a redirect from https to http, or to http anywhere but this machine."""
    if urlsplit(new).scheme == "https" or (urlsplit(old).scheme == "http" and _is_safe(new)):
        return
    raise DownloadFailed(f"it redirects to {new!r}, which is not https: refused")


def _check_address(url: str) -> None:
    if not _is_safe(url):
        raise DownloadFailed("only https is used, and http on this machine")


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))


def _bytes_in(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note_of(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _note_etag(response: HTTPResponse, url: str, part: Path) -> None:
    """Remember which version of the file `part` is a piece of; weak tags do not vouch for bytes."""
    etag = response.headers.get("ETag", "")
    _note_of(part).write_text(f"{url}\n{etag}" if etag.startswith('"') else "", encoding="utf-8")


def _noted_etag(part: Path, url: str) -> str | None:
    note = _note_of(part)
    noted_url, _, etag = (note.read_text(encoding="utf-8") if note.exists() else "").partition("\n")
    return etag if noted_url == url and etag else None
