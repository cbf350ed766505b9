"""Registries that do wrong when one pushes to them: refused by name or borne; nobody else learns a password."""
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from archives import entry, oci_image, sha, tar, write_tar
from auth_test import trust
from box import wait_for
from registries import Authority, Taking, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))
# What no packing makes small: the transfer takes many pieces.
BIG = tar((entry("big"), bytes((i * i * 2654435761 >> 13) & 255 for i in range(3000000))))


@pytest.fixture
def work(cli, tmp_path):
    """Loads an image of layers as work:1; the store lists it once a session of a test."""
    def load(*layers):
        cli("load", "-q", "-i", write_tar(tmp_path / "image.tar", oci_image(list(layers)))).ok()
        cli("tag", "test:1", "work:1").ok()
    return load


def push(cli, server, *words):
    return cli("push", *words, "work:1", f"{server.host}/a/box:1")


def refused(cli, server, *words):
    said = cli.refuse("push", *words, "work:1", f"{server.host}/a/box:1")
    assert all(" " <= c or c == "\n" for c in said) and "\x7f" not in said
    cli.assert_nothing_of_pulls_runs()
    return said


def whole(taking, *layers):
    """Whether the registry has a manifest and all that it names."""
    manifest = json.loads(taking.manifests["1"])
    blobs = [manifest["config"], *manifest["layers"]]
    assert len(manifest["layers"]) == len(layers)
    return all(len(taking.blobs[one["digest"]]) == one["size"] and "sha256:" + sha(taking.blobs[one["digest"]]) == one["digest"]
               for one in blobs)


def test_the_frame_of_these_tests_works(cli, serve, work):
    work(ONE, BIG)
    taking = Taking()
    push(cli, serve(taking)).ok()
    assert whole(taking, ONE, BIG)


# --- where it leads ---

@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "http://", "x" * 9000])
def test_locations_that_are_none(cli, serve, work, where):
    class Elsewhere(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(202, Location=where)

    work(ONE)
    said = refused(cli, serve(Elsewhere()))
    assert "is no http or https URL" in said or "did not say where" in said or "404" in said


def test_no_location(cli, serve, work):
    class Nowhere(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(202)

    work(ONE)
    assert "did not say where" in refused(cli, serve(Nowhere()))


@pytest.mark.parametrize("way", ["location", "redirect", "redirect of the body"])
def test_another_host_gets_no_password(cli, serve, work, way):
    """The bytes may go where the registry wants them; who one is, is for the registry alone."""
    taking = Taking()
    other = serve(taking)

    class Elsewhere(Taking):
        def __call__(self, handler, asked):
            if asked.header("Authorization") != basic("me", "secret"):
                return handler.reply(401, WWW_Authenticate='Basic realm="here"')
            return super().__call__(handler, asked)

        def begin(self, handler, asked, query):
            if way == "location":
                taking.uploads["9"] = b""
                return handler.reply(202, Location=f"{other.url}/v2/up/9")
            if way == "redirect":
                return handler.reply(307, Location=other.url + asked.path)
            return super().begin(handler, asked, query)

        def patch(self, handler, asked, number):
            taking.uploads[number] = b""
            return handler.reply(307, Location=other.url + asked.path)

    work(ONE)
    cli.login((server := serve(Elsewhere())).host, "me", "secret")
    if way == "redirect of the body":
        # Its bytes are gone by then.
        assert "after the upload had begun" in refused(cli, server) and other.asked == []
        return
    push(cli, server).ok()
    assert [asked for asked in other.asked if asked.method in ("PATCH", "PUT")]
    assert all(asked.header("Authorization") is None for asked in other.asked)


def test_another_host_that_asks_who_one_is(cli, serve, work):
    other = serve(lambda h, a: h.reply(401, WWW_Authenticate='Basic realm="there"'))

    class Elsewhere(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(202, Location=f"{other.url}/v2/up/9")

    work(ONE)
    server = serve(Elsewhere())
    cli.login(server.host, "me", "secret")
    cli.login(other.host, "me", "other")
    assert "401" in refused(cli, server)
    assert all(asked.header("Authorization") is None for asked in other.asked)


def test_tls_is_not_left(cli, serve, work, tmp_path):
    authority = Authority(tmp_path / "authority")
    plain = serve(Taking())

    class Elsewhere(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(202, Location=f"{plain.url}/v2/up/9")

    work(ONE)
    server = serve(Elsewhere(), tls=authority)
    trust(cli, server.host, authority)
    said = refused(cli, server)
    assert "from TLS" in said and plain.asked == []


# --- answers that do not end, or lie ---

@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_answers_that_do_not_end(cli, serve, work, method):
    class Endless(Taking):
        def __call__(self, handler, asked):
            if asked.method != method:
                return super().__call__(handler, asked)
            handler.reply(400, b"x", Content_Length=None, Connection="close")
            while True:
                handler.wfile.write(b"x" * 65536)

    work(ONE)
    assert "400 Bad Request" in refused(cli, serve(Endless()))


def test_content_that_does_not_end(cli, serve, work):
    """What comes behind 64 KiB of a body that nobody asked for is not read."""
    class Endless(Taking):
        def begin(self, handler, asked, query):
            self.uploads["0"] = b""
            handler.reply(202, b"x", Content_Length=None, Connection="close", Location="/v2/up/0")
            while True:
                handler.wfile.write(b"x" * 65536)

    work(ONE)
    taking = Endless()
    push(cli, serve(taking)).ok()
    assert whole(taking, ONE)


def test_headers_without_end(cli, serve, work):
    class Many(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(202, Location="/v2/up/0", X=["x"] * 1000)

    work(ONE)
    assert "headers" in refused(cli, serve(Many()))


def test_another_digest_of_a_blob(cli, serve, work):
    class Lies(Taking):
        def end(self, handler, asked, number, digest):
            return handler.reply(201, Docker_Content_Digest="sha256:" + "0" * 64)

    work(ONE)
    assert "has the digest sha256:0000" in refused(cli, serve(Lies()))


def test_another_digest_of_the_manifest(cli, serve, work):
    class Lies(Taking):
        def manifest(self, handler, asked, tag):
            return handler.reply(201, Docker_Content_Digest="sha256:" + "0" * 64)

    work(ONE)
    assert "has the digest sha256:0000" in refused(cli, serve(Lies()))


def test_words_that_would_steer_the_terminal(cli, serve, work):
    class Rude(Taking):
        def begin(self, handler, asked, query):
            return handler.reply(403, {"errors": [{"code": "DENIED", "message": "no\x1b[2J\x07\n way"}]})

    work(ONE)
    server = serve(Rude())
    said = refused(cli, server)
    assert "403 Forbidden: no?[2J?? way" in said and f"corten login {server.host}" in said
    assert server.host in said and "repository a/box" in said


# --- uploads that break ---

class Breaking(Taking):
    """Breaks the first uploads, each after some bytes of the body."""

    def __init__(self, times, status=None):
        super().__init__()
        self.times, self.status, self.lock = times, status, threading.Lock()

    def patch(self, handler, asked, number):
        with self.lock:
            breaks, self.times = self.times > 0, self.times - 1
        if self.status == 413:
            breaks = not asked.header("Content-Range")
        if not breaks:
            return super().patch(handler, asked, number)
        if self.status:
            return handler.reply(self.status, {"errors": [{"code": "X", "message": "not now"}]}, Retry_After="0")
        return handler.cut(b"", 10, status=202)


@pytest.mark.parametrize("status", [None, 500, 503, 429, 404, 413])
def test_an_upload_that_breaks_is_made_again(cli, serve, work, status):
    work(ONE, BIG)
    taking = Breaking(2, status)
    lines = push(cli, serve(taking)).ok().splitlines()
    assert whole(taking, ONE, BIG)
    assert len([line for line in lines if line.endswith(": Pushed")]) == 2


def test_uploads_that_always_break(cli, serve, work):
    work(BIG)
    taking = Breaking(1000, 503)
    said = refused(cli, serve(taking))
    assert "503 Service Unavailable: not now" in said and taking.manifests == {}
    assert taking.times > 900


def test_a_token_that_expires_while_the_body_goes(cli, serve, work):
    class Strict(Taking):
        """After the first body each header of before is worth nothing."""
        valid, lock = 0, threading.Lock()

        def __call__(self, handler, asked):
            if asked.path.startswith("/token"):
                return handler.reply(200, {"token": f"t{self.valid}"})
            if asked.header("Authorization") != f"Bearer t{self.valid}":
                return self.challenge(handler)
            return super().__call__(handler, asked)

        def challenge(self, handler):
            return handler.reply(401, WWW_Authenticate=f'Bearer realm="{handler.url}/token",service="s",scope="repository:a/box:pull"')

        def patch(self, handler, asked, number):
            with self.lock:
                first, self.valid = self.valid == 0, 1
            return self.challenge(handler) if first else super().patch(handler, asked, number)

    work(BIG)
    taking = Strict()
    server = serve(lambda handler, asked: (setattr(handler, "url", server.url), taking(handler, asked)))
    push(cli, server).ok()
    assert whole(taking, BIG)
    assert all("pull%2Cpush" in path for path in server.paths("/token"))


def test_a_registry_that_forgets_where_it_was(cli, serve, work):
    """It says that it has more than was ever sent, then that it knows nothing."""
    class Confused(Breaking):
        def __call__(self, handler, asked):
            if asked.method == "GET":
                return handler.reply(204, Range="0-99999999999")
            return super().__call__(handler, asked)

    work(BIG)
    taking = Confused(2, 500)
    push(cli, serve(taking)).ok()
    assert whole(taking, BIG)


def test_pieces_larger_than_one_keeps(cli, serve, work):
    class Greedy(Breaking):
        """What is no piece is too large for it."""
        def begin(self, handler, asked, query):
            self.uploads["0"] = b""
            return handler.reply(202, Location="/v2/up/0", OCI_Chunk_Min_Length="99999999999")

    work(BIG)
    assert "pieces of 99999999999 bytes" in refused(cli, serve(Greedy(1000, 413)))


# --- ends ---

def processes_of(child):
    """The program and those that it started, by name."""
    pids = [child.pid, *map(int, Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split())]
    return {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in pids}


def test_killed_while_it_sends(cli, serve, work):
    """Whichever of the programs dies: the others end, nothing is staged, and a repeat succeeds."""
    work(BIG)
    for victim in ("corten-remote", "corten-image", "corten"):
        held, free = threading.Event(), threading.Event()

        class Held(Taking):
            def patch(self, handler, asked, number):
                held.set()
                free.wait(30)
                return super().patch(handler, asked, number)

        server = serve(Held())
        child = cli.start("push", "work:1", f"{server.host}/a/box:1")
        assert held.wait(20)
        os.kill(processes_of(child)[victim], signal.SIGKILL)
        said = child.communicate(timeout=20)[1].decode()
        free.set()
        assert child.returncode != 0
        if victim != "corten":
            assert "push" in said
        cli.assert_nothing_of_pulls_runs()
        taking = Taking()
        push(cli, serve(taking)).ok()
        assert whole(taking, BIG)
        wait_for(lambda: not list((cli.root / "staging").iterdir()), "the staging folder to be empty")
