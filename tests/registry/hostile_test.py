"""Registries that do wrong: each is refused by name or borne, nothing is left, and nobody else learns a password."""
import gzip
import json
import threading
import time

import pytest

from archives import OCI_INDEX, OCI_MANIFEST, Oci, entry, named, oci_image, sha, tar
from registries import Served, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))
# What gzip cannot make small: the transfer takes several pieces.
BIG = tar((entry("big"), bytes((i * i * 2654435761 >> 13) & 255 for i in range(3000000))))


def image(*layers, **more):
    return oci_image(list(layers), **more)


def pulled(cli, server, *words, name="box:1"):
    return cli("pull", "-q", *words, f"{server.host}/{name}")


def refused(cli, server, *words, name="box:1", **options):
    said = cli.refuse("pull", *words, f"{server.host}/{name}", **options)
    assert cli.images() == [] and cli.layers() == []
    assert all(" " <= c or c == "\n" for c in said) and "\x7f" not in said
    return said


def test_the_frame_of_these_tests_works(cli, serve):
    server = serve(Served(image(ONE)))
    pulled(cli, server).ok()
    assert cli.layers() == [sha(ONE)]
    assert {asked.header("User-Agent").split("/")[0] for asked in server.asked} == {"corten"}
    accept = server.asked[0].header("Accept")
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.v2",
                 "docker.distribution.manifest.list.v2"):
        assert kind in accept


# --- digests and sizes ---

class Wrong(Served):
    def __init__(self, files, layer=None, manifest=None):
        super().__init__(files)
        self.give_layer, self.give_manifest = layer, manifest

    def layer(self, handler, asked, data):
        if self.give_layer and data[:1] != b"{":
            return self.give_layer(handler, asked, data)
        return super().layer(handler, asked, data)

    def manifest(self, handler, asked, data):
        if self.give_manifest and data:
            return self.give_manifest(handler, asked, data)
        return super().manifest(handler, asked, data)


def test_a_layer_of_another_digest(cli, serve):
    other = tar("etc/", (entry("etc/motd"), "HELLO"))
    assert len(other) == len(ONE)
    server = serve(Wrong(image(ONE), layer=lambda h, a, d: h.reply(200, other)))
    said = refused(cli, server)
    assert sha(other) in said and sha(ONE) in said


def test_a_layer_that_is_too_short(cli, serve):
    said = refused(cli, serve(Wrong(image(ONE), layer=lambda h, a, d: h.reply(200, d[:-512]))))
    assert "512 bytes are missing" in said


def test_a_layer_that_does_not_end(cli, serve):
    def endless(handler, asked, data):
        handler.reply(200, data, Content_Length=None, Transfer_Encoding=None, Connection="close")
        while True:
            handler.wfile.write(bytes(65536))

    # What comes behind the bytes that the manifest speaks of is nobody's.
    server = serve(Wrong(image(ONE), layer=endless))
    pulled(cli, server, ).ok()
    assert cli.layers() == [sha(ONE)]


def test_a_manifest_that_does_not_end(cli, serve):
    def endless(handler, asked, data):
        handler.reply(200, b"{", Content_Length=None, Connection="close", Content_Type=OCI_MANIFEST)
        while True:
            handler.wfile.write(b" " * 65536)

    assert "larger than" in refused(cli, serve(Wrong(image(ONE), manifest=endless)))


def test_a_manifest_of_another_digest(cli, serve):
    files = image(ONE)
    good = json.loads(files["index.json"])["manifests"][0]["digest"]
    other = image(BIG)
    server = serve(Served(other))
    server_digest = json.loads(other["index.json"])["manifests"][0]["digest"]

    def lie(handler, asked, data):
        handler.reply(200, server.lie, Content_Type=OCI_MANIFEST)

    server.lie = other["blobs/sha256/" + server_digest[7:]]
    liar = serve(Wrong(files, manifest=lie))
    said = refused(cli, liar, name=f"box@{good}")
    assert good[7:] in said and server_digest[7:] in said
    # And a header that says another digest than the document has.
    said = refused(cli, serve(Wrong(files, manifest=lambda h, a, d: h.reply(
        200, d, Content_Type=OCI_MANIFEST, Docker_Content_Digest="sha256:" + "0" * 64))))
    assert "0" * 64 in said


def test_a_configuration_of_another_digest_or_size(cli, serve):
    class Other(Served):
        def layer(self, handler, asked, data):
            if data[:1] == b"{":
                data = self.change(data)
            return super().layer(handler, asked, data)

    server = Other(image(ONE))
    server.change = lambda data: data.replace(b"amd64", b"arm64")
    assert "has the digest" in refused(cli, serve(server))
    server = Other(image(ONE))
    server.change = lambda data: data + b" "
    assert "its descriptor says" in refused(cli, serve(server))


def test_a_gzip_bomb(cli, serve):
    bomb = gzip.compress(tar((entry("zeros"), bytes(1 << 20))) * 1, 9)
    files = image(ONE, packed=[bomb])
    said = refused(cli, serve(Served(files)))
    assert "diff-id" in said


# --- documents ---

def test_an_index_of_itself(cli, serve):
    # No digest can be that of a document that holds it: one is claimed, and one leads round in a ring.
    inner = {"schemaVersion": 2, "mediaType": OCI_INDEX,
             "manifests": [{"mediaType": OCI_INDEX, "digest": "sha256:" + "1" * 64, "size": 10}]}
    oci = Oci()
    files = oci.index(named(oci.blob(inner, OCI_INDEX), "x"))
    files["blobs/sha256/" + "1" * 64] = json.dumps(inner).encode()
    assert "index" in refused(cli, serve(Served(files)))


def test_indexes_nested_too_deep(cli, serve):
    oci = Oci()
    descriptor = oci.manifest([ONE])
    for _ in range(8):
        descriptor = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor]}, OCI_INDEX)
    assert "nested deeper" in refused(cli, serve(Served(oci.index(named(descriptor, "x")))))


def test_index_and_manifest_in_one(cli, serve):
    oci = Oci()
    manifest = oci.manifest([ONE])
    document = json.loads(oci.files["blobs/sha256/" + manifest["digest"][7:]])
    both = oci.blob({**document, "manifests": [manifest]}, OCI_MANIFEST)
    assert "both an index and a manifest" in refused(cli, serve(Served(oci.index(named(both, "x")))))


def test_a_content_type_that_disagrees(cli, serve):
    def typed(kind):
        return serve(Wrong(image(ONE), manifest=lambda h, a, d: h.reply(200, d, Content_Type=kind)))
    assert "mediaType" in refused(cli, typed("application/vnd.docker.distribution.manifest.v2+json"))
    assert "no index" in refused(cli, typed(OCI_INDEX))
    assert "text/html" in refused(cli, typed("text/html; charset=utf-8"))
    said = refused(cli, typed("application/vnd.docker.distribution.manifest.v1+prettyjws"))
    assert "v1+prettyjws" in said
    # One that says nothing: the document's own word counts.
    pulled(cli, typed("application/json; charset=utf-8")).ok()


def test_no_json(cli, serve):
    for body in (b"", b"{", b"[]", b"\x00\x01", b'{"schemaVersion":2}', b"{" * 1000):
        server = serve(Wrong(image(ONE), manifest=lambda h, a, d, body=body: h.reply(200, body, Content_Type=OCI_MANIFEST)))
        refused(cli, server)


# --- refusals ---

def test_errors_are_told_and_tell_the_terminal_nothing(cli, serve):
    evil = "denied\x1b]0;title\x07\x1b[2J\r\n\x9b31m" + "long " * 10000
    server = serve(lambda h, a: h.reply(403, {"errors": [{"code": "DENIED", "message": evil}]}))
    said = refused(cli, server)
    assert "403 Forbidden" in said and "denied?]0;title" in said and "corten login" in said
    assert len(said) < 1000 and "\x9b" not in said
    server = serve(lambda h, a: h.reply(403, {"errors": [{"code": "DENIED", "message": evil}] * 500}))
    assert "403 Forbidden" in refused(cli, server)
    server = serve(lambda h, a: h.reply(404, b"\x1b[31mnot here\n" + b"x" * 200000, Content_Type="text/plain"))
    assert "?[31mnot here" in refused(cli, server)
    server = serve(lambda h, a: h.reply(400, b"<html>" + b"x" * 5000))
    assert "400 Bad Request" in refused(cli, server)


def test_headers_without_end(cli, serve):
    def many(handler, asked):
        handler.send_response(200)
        for i in range(1000):
            handler.send_header(f"X-{i}", "y" * 100)
        handler.end_headers()
    assert "headers" in refused(cli, serve(many))


def test_too_many_requests(cli, serve):
    state = {"left": 2}

    class Busy(Served):
        def __call__(self, handler, asked):
            if state["left"] > 0:
                state["left"] -= 1
                return handler.reply(429, {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}, Retry_After="1")
            return super().__call__(handler, asked)

    server = serve(Busy(image(ONE)))
    start = time.monotonic()
    pulled(cli, server).ok()
    assert time.monotonic() - start >= 2 and len(server.paths("/manifests/")) == 3
    cli("rmi", "-f", f"{server.host}/box:1").ok()
    # A wait that is too long is not begun.
    state["left"] = 1000
    server = serve(lambda h, a: h.reply(429, {"errors": [{"message": "slow down"}]}, Retry_After="3600"))
    said = refused(cli, server)
    assert "too many requests" in said and "slow down" in said and "later" in said and len(server.asked) == 1


def test_a_registry_that_recovers(cli, serve):
    seen = {}

    class Ailing(Served):
        def __call__(self, handler, asked):
            seen[asked.path] = seen.get(asked.path, 0) + 1
            if seen[asked.path] == 1:
                return handler.reply(503, b"")
            return super().__call__(handler, asked)

    server = serve(Ailing(image(ONE)))
    pulled(cli, server).ok()
    cli("rmi", f"{server.host}/box:1").ok()
    server = serve(lambda h, a: h.reply(500, b""))
    said = refused(cli, server)
    assert "500 Internal Server Error" in said and len(server.asked) == 5


# --- transfers that break ---

class Breaking(Served):
    """Breaks each transfer of a layer after `step` bytes; `ranges`: goes on where asked to."""

    def __init__(self, files, step, ranges=True, shift=0):
        super().__init__(files)
        self.step, self.ranges, self.shift = step, ranges, shift

    def layer(self, handler, asked, data):
        if data[:1] == b"{":
            return super().layer(handler, asked, data)
        start = 0
        if asked.header("Range") and self.ranges:
            start = int(asked.header("Range").removeprefix("bytes=").removesuffix("-")) + self.shift
            headers = {"status": 206, "Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        else:
            headers = {}
            self.step = self.step if self.ranges else self.step * 2
        if start + self.step >= len(data):
            return handler.reply(headers.pop("status", 200), data[start:], **headers)
        return handler.cut(data[start:start + self.step], len(data) - start, **headers)


def test_a_broken_transfer_goes_on_by_range(cli, serve):
    server = serve(Breaking(image(BIG), 1000000))
    pulled(cli, server).ok()
    assert cli.layers() == [sha(BIG)]
    ranges = [asked.header("Range") for asked in server.asked if asked.path.endswith(sha(BIG))]
    assert ranges[0] is None and ranges[1].startswith("bytes=") and len(ranges) == 4


def test_a_broken_transfer_begins_again_without_ranges(cli, serve):
    server = serve(Breaking(image(BIG), 700000, ranges=False))
    pulled(cli, server).ok()
    assert cli.layers() == [sha(BIG)]


def test_a_registry_that_goes_on_elsewhere(cli, serve):
    assert "went on elsewhere" in refused(cli, serve(Breaking(image(BIG), 1000000, shift=7)))


def test_a_transfer_that_never_gets_on(cli, serve):
    server = serve(Wrong(image(BIG), layer=lambda h, a, d: h.cut(b"", len(d))))
    said = refused(cli, server)
    assert server.host in said and len([a for a in server.asked if a.path.endswith(sha(BIG))]) == 5


# --- redirects ---

def test_a_blob_elsewhere_gets_no_password(cli, serve):
    other = serve(lambda h, a: h.reply(200, ONE))

    class Moved(Served):
        def __call__(self, handler, asked):
            if asked.header("Authorization") != basic("me", "secret"):
                return handler.reply(401, b"", WWW_Authenticate='Basic realm="r"')
            return super().__call__(handler, asked)

        def layer(self, handler, asked, data):
            if data[:1] != b"{":
                return handler.reply(307, b"", Location=f"{other.url}/else?signature=x")
            return super().layer(handler, asked, data)

    server = serve(Moved(image(ONE)))
    cli.login(server.host, "me", "secret")
    pulled(cli, server).ok()
    assert [asked.path for asked in other.asked] == ["/else?signature=x"]
    assert all(asked.header("Authorization") is None for asked in other.asked)


def test_a_redirect_and_back_gets_no_password(cli, serve):
    class Back(Served):
        def __call__(self, handler, asked):
            if asked.path == "/back":
                return handler.reply(200, ONE)
            if asked.header("Authorization") is None:
                return handler.reply(401, b"", WWW_Authenticate='Basic realm="r"')
            return super().__call__(handler, asked)

        def layer(self, handler, asked, data):
            if data[:1] != b"{":
                return handler.reply(302, b"", Location=f"{other.url}/over")
            return super().layer(handler, asked, data)

    other = serve(lambda h, a: h.reply(302, b"", Location=f"{server.url}/back"))
    server = serve(Back(image(ONE)))
    cli.login(server.host, "me", "secret")
    pulled(cli, server).ok()
    assert [asked.header("Authorization") for asked in server.asked if asked.path == "/back"] == [None]


def test_a_challenge_from_elsewhere_is_not_answered(cli, serve):
    tokens = serve(lambda h, a: h.reply(200, {"token": "t"}))
    other = serve(lambda h, a: h.reply(401, b"", WWW_Authenticate=f'Bearer realm="{tokens.url}/t", Basic realm="x"'))

    class Moved(Served):
        def __call__(self, handler, asked):
            if asked.header("Authorization") is None:
                return handler.reply(401, b"", WWW_Authenticate='Basic realm="r"')
            return super().__call__(handler, asked)

        def layer(self, handler, asked, data):
            return handler.reply(307, b"", Location=f"{other.url}/else")

    server = serve(Moved(image(ONE)))
    cli.login(server.host, "me", "secret")
    assert "401 Unauthorized" in refused(cli, server)
    assert tokens.asked == [] and all(asked.header("Authorization") is None for asked in other.asked)


def test_a_redirect_within_the_registry_keeps_it(cli, serve):
    class Within(Served):
        def __call__(self, handler, asked):
            if asked.header("Authorization") is None:
                return handler.reply(401, b"", WWW_Authenticate='Basic realm="r"')
            if asked.path == "/within":
                return handler.reply(200, ONE)
            return super().__call__(handler, asked)

        def layer(self, handler, asked, data):
            if data[:1] != b"{":
                return handler.reply(308, b"", Location="/within")
            return super().layer(handler, asked, data)

    server = serve(Within(image(ONE)))
    cli.login(server.host, "me", "secret")
    pulled(cli, server).ok()


@pytest.mark.parametrize("where,word", [("/v2/again", "redirects"), ("file:///etc/passwd", "no http"),
                                        ("gopher://127.0.0.1/", "no http"), ("", "to nowhere"), ("http://", "no http"),
                                        ("http://192.0.2.9/v2/", "no TLS")])
def test_redirects_that_lead_nowhere(cli, serve, where, word):
    server = serve(lambda h, a: h.reply(302, b"", Location=where))
    assert word in refused(cli, server)
    assert len(server.asked) <= 10


# --- the unpacker and the transport end together ---

def test_killed_in_the_middle(cli, serve):
    started, go = threading.Event(), threading.Event()

    def slow(handler, asked, data):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:500000])
        started.set()
        go.wait(30)

    server = serve(Wrong(image(BIG), layer=slow))
    child = cli.start("pull", f"{server.host}/box:1")
    assert started.wait(30)
    child.kill()
    child.communicate(timeout=30)
    go.set()
    cli.assert_nothing_of_pulls_runs()
    # The next one finds the way clear.
    pulled(cli, serve(Served(image(ONE))), name="other:1").ok()
    cli.check_store()
