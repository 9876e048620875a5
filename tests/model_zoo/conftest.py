"""A loopback server that answers as it is told, and a zoo of one model that it has."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from viz.core.errors import ExitCode, ModelError
from viz.model_zoo import catalogue
from viz.model_zoo.cache import place_of
from viz.model_zoo.catalogue import ZooEntry
from viz.model_zoo.download import Patience
from viz.model_zoo.fetch import path_of

BODY = hashlib.shake_256(b"a model").digest(200_000)
ETAG = '"version-1"'

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """What the loopback server answers, request by request (the last answer repeats), and what it was asked."""

    url: str = ""
    body: bytes = BODY
    answers: list[Answer] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def next_answer(self, headers: dict[str, str]) -> Answer:
        self.requests.append(headers)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]

    def whole(self, handler: BaseHTTPRequestHandler) -> None:
        """The file, or the range of it that was asked for, as a good server answers."""
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range", ETAG)
        if asked is None or condition != ETAG:
            return send(handler, 200, BODY, ETag=ETAG)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(BODY):
            return send(handler, 416)
        span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
        return send(handler, 206, BODY[start:], Content_Range=span, ETag=ETAG)

    def cut_after(self, count: int) -> Answer:
        return lambda handler: send(handler, 200, BODY[:count], Content_Length=str(len(BODY)), ETag=ETAG)

    def stall_after(self, count: int) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            self.cut_after(count)(handler)
            time.sleep(1.5)

        return answer

    def in_pieces(self, count: int) -> Answer:
        """The range that was asked for, cut after `count` bytes."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
            status, piece = (206 if start else 200), BODY[start : start + count]
            span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
            send(handler, status, piece, Content_Length=str(len(BODY) - start), Content_Range=span)

        return answer

    def after(self, seconds: float) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            time.sleep(seconds)
            self.whole(handler)

        return answer

    def status(self, code: int) -> Answer:
        return lambda handler: send(handler, code)

    def redirect(self, to: str) -> Answer:
        return lambda handler: send(handler, 302, Location=to)

    def plain(self, body: bytes) -> Answer:
        """These bytes, whatever range was asked for."""
        return lambda handler: send(handler, 200, body)

    def range_from(self, start: int) -> Answer:
        """The file from `start` on, whatever range was asked for."""
        span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
        return lambda handler: send(handler, 206, BODY[start:], Content_Range=span)

    def of_unknown_length(self, body: bytes) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(body)

        return answer


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()
    script.answers = [script.whole]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.next_answer(dict(self.headers))(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        script.url = f"http://127.0.0.1:{httpd.server_port}"
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield script
        httpd.shutdown()


@dataclass
class Zoo:
    """A zoo of one model called `toy`."""

    entry: ZooEntry
    monkeypatch: pytest.MonkeyPatch

    def get(self) -> bytes:
        """The model's bytes, had with little patience."""
        return path_of("toy", patience=Patience(stall=0.3, retries=2, pause=0.01)).read_bytes()

    def failure(self) -> str:
        """What the user is told when the model cannot be had."""
        with pytest.raises(ModelError) as caught:
            self.get()
        assert caught.value.exit_code is ExitCode.MODEL
        return str(caught.value)

    def move_to(self, *urls: str) -> None:
        """Give the model other addresses."""
        self.entry = replace(self.entry, urls=urls)
        self.monkeypatch.setattr(catalogue, "entries", lambda: {"toy": self.entry})

    @property
    def place(self) -> Path:
        """Where the model belongs in the cache."""
        return place_of(self.entry)

    @property
    def files(self) -> set[str]:
        """The names of all files beside it."""
        return {file.name for file in self.place.parent.iterdir() if file.name != ".lock"}

    def leave_part(self, content: bytes) -> Path:
        """Leave what a killed download leaves."""
        part = self.place.with_name("toy.onnx.part")
        part.parent.mkdir(parents=True)
        part.write_bytes(content)
        return part


@pytest.fixture
def zoo(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """A zoo of one model, which the loopback server has, and an empty cache."""
    for name in ("VIZ_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIZ_CACHE", str(tmp_path / "cache"))
    sha256 = hashlib.sha256(BODY).hexdigest()
    entry = ZooEntry("toy", "onnx", "toy.onnx", {}, "a test", "CC0", size=len(BODY), sha256=sha256)
    zoo = Zoo(entry, monkeypatch)
    zoo.move_to(f"{server.url}/toy.onnx")
    return zoo
