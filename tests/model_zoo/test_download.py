"""Downloads from a loopback server that cuts off, corrupts, stalls and redirects."""

import hashlib
from typing import TYPE_CHECKING

import pytest

from viz.model_zoo import download
from viz.model_zoo.download import DownloadFailed, check_redirect

if TYPE_CHECKING:
    from tests.model_zoo.conftest import Server, Zoo


def test_a_broken_connection_is_resumed_where_it_broke(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.cut_after(120_000), server.whole]
    assert zoo.get() == server.body
    assert server.requests[1]["Range"] == "bytes=120000-"
    assert server.requests[1]["If-Range"] == '"version-1"'


def test_what_a_killed_download_left_is_completed_by_the_next(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(server.body[:70_000])
    assert zoo.get() == server.body
    assert [request["Range"] for request in server.requests] == ["bytes=70000-"]


def test_a_complete_piece_needs_no_request(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(server.body)
    assert zoo.get() == server.body
    assert server.requests == []


def test_a_piece_longer_than_the_file_is_thrown_away(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(server.body + b"more")
    assert zoo.get() == server.body
    assert "Range" not in server.requests[0]


def test_a_server_that_ignores_ranges_sends_the_file_anew(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(server.body[:70_000])
    server.answers = [server.plain(server.body)]
    assert zoo.get() == server.body


def test_a_range_from_the_wrong_place_is_not_used(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(server.body[:70_000])
    server.answers = [server.range_from(5), server.whole]
    assert zoo.get() == server.body
    assert "Range" not in server.requests[1]


def test_a_piece_of_another_file_is_not_kept(server: "Server", zoo: "Zoo") -> None:
    zoo.leave_part(bytes(70_000))
    assert zoo.get() == server.body
    assert ["Range" in request for request in server.requests] == [True, False]


def test_a_file_that_changed_meanwhile_is_sent_anew(server: "Server", zoo: "Zoo") -> None:
    part = zoo.leave_part(server.body[:70_000])
    part.with_name("toy.onnx.part.etag").write_text(f'{zoo.entry.urls[0]}\n"version-0"')
    assert zoo.get() == server.body
    assert server.requests[0]["If-Range"] == '"version-0"'


def test_corrupt_bytes_are_refused_and_removed(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.plain(server.body[:-1] + b"?")]
    message = zoo.failure()
    assert f"sha256 is {hashlib.sha256(server.body[:-1] + b'?').hexdigest()}, expected {zoo.entry.sha256}" in message
    assert zoo.files == set()


def test_a_stalled_connection_is_given_up_and_resumed(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.stall_after(50_000), server.whole]
    assert zoo.get() == server.body
    assert server.requests[1]["Range"] == "bytes=50000-"


def test_a_server_that_always_stalls_is_an_error_within_a_few_tries(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.stall_after(0)]
    assert "no byte came for 0.3 s (tried 3 times)" in zoo.failure()


def test_an_unfinished_download_is_never_taken_for_the_model(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.cut_after(10)]
    assert "the connection closed after 10 of 200000 bytes" in zoo.failure()
    assert not zoo.place.exists()


def test_a_redirect_is_followed(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.redirect("/elsewhere"), server.whole]
    assert zoo.get() == server.body


def test_a_redirect_in_a_circle_is_an_error(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.redirect("/toy.onnx")]
    assert "redirects without end" in zoo.failure()
    assert len(server.requests) < 10


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "http://192.0.2.1/x"])
def test_a_redirect_away_from_the_web_or_to_plain_http_is_refused(zoo: "Zoo", server: "Server", target: str) -> None:
    server.answers = [server.redirect(target)]
    message = zoo.failure()
    assert target in message
    assert "refused" in message


def test_a_redirect_must_not_leave_https() -> None:
    check_redirect("https://a.example/x", "https://b.example/x")
    check_redirect("http://127.0.0.1/x", "https://b.example/x")
    with pytest.raises(DownloadFailed, match="not https"):
        check_redirect("https://a.example/x", "http://127.0.0.1/x")


def test_plain_http_is_used_on_this_machine_only(zoo: "Zoo") -> None:
    zoo.move_to("http://192.0.2.1/toy.onnx")
    assert "only https is used" in zoo.failure()


def test_a_missing_file_is_not_asked_for_again_and_the_error_says_what_to_do(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.status(404)]
    message = zoo.failure()
    for fact in ("404", zoo.entry.urls[0], "200000 bytes", zoo.entry.sha256 or "", str(zoo.place)):
        assert fact in message
    assert len(server.requests) == 1


def test_a_server_error_is_asked_again(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.status(500), server.status(503), server.whole]
    assert zoo.get() == server.body


def test_another_file_is_recognized_by_its_length_before_it_is_stored(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.plain(b"version https://git-lfs.github.com/spec/v1")]
    assert "it offers 42 bytes, expected 200000" in zoo.failure()
    assert zoo.files == set()


def test_a_length_may_be_left_out(zoo: "Zoo", server: "Server") -> None:
    server.answers = [server.of_unknown_length(server.body)]
    assert zoo.get() == server.body


def test_a_body_without_end_is_cut(server: "Server", zoo: "Zoo") -> None:
    server.answers = [server.of_unknown_length(server.body + b"and more")]
    assert "more than the expected 200000 bytes" in zoo.failure()
    assert zoo.files == set()


def test_a_connection_that_breaks_often_but_brings_much_is_not_given_up(
    server: "Server", zoo: "Zoo", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WORTH_MORE_TRIES", 10_000)
    server.answers = [server.in_pieces(20_000)]
    assert zoo.get() == server.body
    assert len(server.requests) == 10
