"""What is read of a registry without pulling: `image inspect docker://`, `image tags`, `image referrers`."""
import json
import os
import socket
import threading

import pytest

from archives import OCI_INDEX, OCI_MANIFEST, Oci, config, entry, named, oci_image, sha, tar
from registries import Served, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))
TWO = tar("etc/", (entry("etc/two"), "t" * 3000))
OWN = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OTHER = "arm64" if OWN == "amd64" else "amd64"
SIGNATURE = "application/vnd.example.signature"
PARTS = "application/vnd.example.parts"


def inspect(cli, name, *words, **options):
    return json.loads(cli("image", "inspect", *words, f"docker://{name}", **options).ok())


def both(debian, name):
    """An index of two platforms in the registry; its descriptor, and the descriptor of each platform's manifest."""
    oci = Oci()
    own = {**oci.manifest([ONE], config([ONE], architecture=OWN)), "platform": {"os": "linux", "architecture": OWN}}
    other = {**oci.manifest([TWO], config([TWO], architecture=OTHER)), "platform": {"os": "linux", "architecture": OTHER}}
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [other, own]}, OCI_INDEX)
    debian.push(name, oci.index(named(index, "x")))
    return index, own, other, oci.files


# ---- inspect ----

def test_inspect(cli, debian):
    labelled = config([ONE, TWO], config={"Env": ["A=b", "C=d"], "Labels": {"one": "1"}}, docker_version="27.1", architecture=OWN)
    files = oci_image([ONE, TWO], image_config=labelled)
    digest = debian.push("shown/box:1", files)
    debian.push("shown/box:latest", files)
    before = len(debian.requests())
    document = inspect(cli, f"{debian.host}/shown/box:1")
    document["RepoTags"].sort()  # its order is the folder's
    assert document == {
        "Name": f"{debian.host}/shown/box", "Digest": digest, "RepoTags": ["1", "latest"],
        "Created": "2024-01-02T03:04:05.678Z", "DockerVersion": "27.1", "Labels": {"one": "1"}, "Architecture": OWN, "Os": "linux",
        "Layers": ["sha256:" + sha(ONE), "sha256:" + sha(TWO)],
        "LayersData": [{"MIMEType": "application/vnd.oci.image.layer.v1.tar", "Digest": "sha256:" + sha(layer), "Size": len(layer),
                        "Annotations": None} for layer in (ONE, TWO)],
        "Env": ["A=b", "C=d"]}
    asked = [line.split("/v2/shown/box/")[1] for line in debian.requests()[before:]]
    assert asked == ["manifests/1", "blobs/sha256:" + sha(labelled), "tags/list"]  # and no layer
    assert cli.images() == [] and cli.layers() == []
    cli.check_store()


def test_inspect_what_there_is_nothing_of(cli, debian):
    debian.push("bare:1", oci_image([ONE], image_config=config([ONE], config={}, created=None, architecture=OWN)))
    document = inspect(cli, f"{debian.host}/bare:1")
    assert [document[key] for key in ("Created", "Labels", "Env", "DockerVersion")] == [None, None, None, ""]


def test_inspect_forms(cli, debian):
    labelled = config([ONE], architecture=OWN)
    files = oci_image([ONE], image_config=labelled)
    digest = debian.push("forms:1", files)
    name = f"docker://{debian.host}/forms:1"
    manifest = files["blobs/" + digest.replace(":", "/")]
    assert cli("image", "inspect", "--raw", name).ok().encode() == manifest
    assert cli("image", "inspect", "--raw", "--config", name).ok().encode() == labelled
    assert json.loads(cli("image", "inspect", "--config", name).ok())["rootfs"] == json.loads(labelled)["rootfs"]
    assert cli("image", "inspect", "--format", "{{.Digest}} {{index .RepoTags 0}} {{json .Env}}", name).ok() == \
        f'{digest} 1 ["PATH=/bin"]\n'
    assert "\n" not in cli("image", "inspect", "-f", "json", name).ok().rstrip("\n")
    before = len(debian.requests())
    assert inspect(cli, f"{debian.host}/forms:1", "-n")["RepoTags"] == []
    assert not [line for line in debian.requests()[before:] if "tags" in line]
    assert inspect(cli, f"{debian.host}/forms@{digest}")["Digest"] == digest


def test_inspect_one_of_several_platforms(cli, debian):
    index, own, other, files = both(debian, "platforms:1")
    name = f"{debian.host}/platforms:1"
    document = inspect(cli, name)
    assert (document["Digest"], document["Architecture"]) == (index["digest"], OWN)
    document = inspect(cli, name, "--platform", f"linux/{OTHER}")
    assert (document["Digest"], document["Architecture"]) == (index["digest"], OTHER)
    assert document["Layers"] == ["sha256:" + sha(TWO)]
    assert sha(cli("image", "inspect", "--raw", f"docker://{name}").ok().encode()) == index["digest"][7:]
    assert sha(cli("image", "inspect", "--raw", "--platform", f"linux/{OTHER}", f"docker://{name}").ok().encode()) == other["digest"][7:]
    assert "no image for linux/s390x" in cli.refuse("image", "inspect", "--platform", "linux/s390x", f"docker://{name}")


def test_inspect_what_is_not_there(cli, debian):
    said = cli.refuse("image", "inspect", f"docker://{debian.host}/absent:1")
    assert "404 Not Found" in said and f"{debian.host}/absent:1" in said
    assert "lower case" in cli.refuse("image", "inspect", "docker://BOX")
    assert "connect" in cli.refuse("image", "inspect", "docker://127.0.0.1:1/box").lower()


def test_inspect_words_that_do_not_go_together(cli, debian):
    name = f"docker://{debian.host}/box:1"
    assert "one at a time" in cli.refuse("image", "inspect", name, name)
    assert "one at a time" in cli.refuse("image", "inspect", name, "box")
    assert "--raw" in cli.refuse("image", "inspect", "--raw", "-f", "{{.Name}}", name)
    for words in (["--raw"], ["--config"], ["-n"], ["--platform", "linux/amd64"], ["--creds", "a:b"], ["--authfile", "x"],
                  ["--cert-dir", "x"], ["--tls-verify=false"]):
        said = cli.refuse("image", "inspect", *words, "box:1")
        assert "docker://NAME" in said and words[0].split("=")[0] in said.replace("--no-tags", "-n"), said
    assert cli("image", "inspect", "-f", "{{.", name).status == 64


def test_an_artifact_is_no_image(cli, debian):
    oci = Oci()
    empty = oci.blob(b"{}", "application/vnd.oci.empty.v1+json")
    oci.files["blobs/sha256/" + sha(ONE)] = ONE
    artifact = oci.blob({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": PARTS, "config": empty, "layers": [empty]},
                        OCI_MANIFEST)
    debian.push("artifact:1", oci.index(named(artifact, "x")))
    said = cli.refuse("image", "inspect", f"docker://{debian.host}/artifact:1")
    assert "artifact" in said and "--raw" in said
    assert json.loads(cli("image", "inspect", "--raw", f"docker://{debian.host}/artifact:1").ok())["artifactType"] == PARTS


class Wrong(Served):
    """Gives other bytes for one digest."""

    def __init__(self, files, digest, data):
        super().__init__(files)
        self.digest, self.data = digest, data

    def blob(self, digest):
        return self.data if digest == self.digest else super().blob(digest)


def test_documents_of_another_digest(cli, serve):
    index, own, other, files = both(Nobody(), "x")
    wrong = files["blobs/" + own["digest"].replace(":", "/")] + b" "
    server = serve(Wrong(files, own["digest"], wrong))
    said = cli.refuse("image", "inspect", "-n", f"docker://{server.host}/box:1")
    assert own["digest"][:19] in said and sha(wrong) in said
    document = config([ONE], architecture=OWN)
    server = serve(Wrong(files, "sha256:" + sha(document), document.replace(b"linux", b"Linux")))
    assert sha(document) in cli.refuse("image", "inspect", "-n", f"docker://{server.host}/box:1")
    # What the registry itself calls the name.
    said = cli.refuse("image", "inspect", "-n", f"docker://{serve(Served(files)).host}/box@sha256:{'0' * 64}")
    assert "404" in said


class Nobody:
    """In a registry's place."""

    def push(self, name, files):
        pass


def test_a_size_that_disagrees(cli, serve):
    oci = Oci()
    manifest = oci.manifest([ONE], config([ONE], architecture=OWN))
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        {**manifest, "size": manifest["size"] + 1, "platform": {"os": "linux", "architecture": OWN}}]}, OCI_INDEX)
    server = serve(Served(oci.index(named(index, "x"))))
    assert "its descriptor says" in cli.refuse("image", "inspect", "-n", f"docker://{server.host}/box:1")


def test_an_index_of_itself(cli, serve):
    """Not of its own digest, which nobody can make, but of one index below the other without end."""
    oci = Oci()
    below = oci.manifest([ONE], config([ONE], architecture=OWN))
    for _ in range(6):
        below = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below]}, OCI_INDEX)
    server = serve(Served(oci.index(named(below, "x"))))
    assert "nested deeper" in cli.refuse("image", "inspect", "-n", f"docker://{server.host}/box:1")


def test_index_and_manifest_in_one(cli, serve):
    oci = Oci()
    document = json.loads(oci.files["blobs/" + oci.manifest([ONE])["digest"].replace(":", "/")])
    mixed = oci.blob({**document, "manifests": []}, OCI_MANIFEST)
    server = serve(Served(oci.index(named(mixed, "x"))))
    assert "both an index and a manifest" in cli.refuse("image", "inspect", "-n", f"docker://{server.host}/box:1")


def test_words_that_would_steer_a_terminal(cli, serve):
    evil = "\x1b]0;gone\x07\x9b31m"
    oci = Oci()
    manifest = oci.manifest([ONE], config([ONE], architecture=OWN, config={"Labels": {"a": evil}, "Env": [evil]}, docker_version=evil))
    server = serve(Served(oci.index(named(manifest, "x"))))
    name = f"docker://{server.host}/box:1"
    assert inspect(cli, name[9:], "-n")["Labels"] == {"a": evil}  # to a pipe, as it is
    for words in ([], ["-f", "{{.DockerVersion}}"], ["--config"], ["--raw", "--config"]):
        status, shown = cli.terminal("image", "inspect", "-n", *words, name)
        text = shown if isinstance(shown, str) else shown.decode(errors="surrogateescape")
        assert status == 0 and "gone" in text
        assert "\x1b" not in text and "\x07" not in text and "\x9b" not in text


def test_a_registry_that_keeps_its_tags_to_itself(cli, serve):
    files = oci_image([ONE], image_config=config([ONE], architecture=OWN))

    class Closed(Served):
        def __call__(self, handler, asked):
            if asked.path.endswith("/tags/list"):
                return handler.reply(403, {"errors": [{"code": "DENIED", "message": "not for you"}]})
            return super().__call__(handler, asked)
    server = serve(Closed(files))
    done = cli("image", "inspect", f"docker://{server.host}/box:1")
    assert json.loads(done.ok())["RepoTags"] == [] and "WARNING" in done.err and "not for you" in done.err


# ---- tags ----

def tags(cli, name, *words, **options):
    return cli("image", "tags", "--format", "{{.Tag}}", *words, name, **options).ok().split()


def test_tags(cli, debian, box):
    for tag in ("1", "2.0_b-c", "latest"):
        debian.push(f"tagged/box:{tag}", box)
    name = f"{debian.host}/tagged/box"
    all_of_them = tags(cli, name)  # in the order of the registry's folder
    assert sorted(all_of_them) == ["1", "2.0_b-c", "latest"]
    assert tags(cli, "docker://" + name) == all_of_them
    assert tags(cli, name, "--limit", "2") == all_of_them[:2]
    assert json.loads(cli("image", "tags", "--format", "json", name).ok()) == {"Repository": name, "Tags": all_of_them}
    lines = cli("image", "tags", name).ok().splitlines()
    assert lines[0].split() == ["NAME", "TAG"] and [line.split() for line in lines[1:]][1] == [name, all_of_them[1]]


def test_tags_of_what_is_none(cli, debian):
    assert "404 Not Found" in cli.refuse("image", "tags", f"{debian.host}/absent")
    assert "has no tag itself" in cli.refuse("image", "tags", f"{debian.host}/box:1")
    assert "has no tag itself" in cli.refuse("image", "tags", f"{debian.host}/box@sha256:" + "0" * 64)
    assert "--limit" in cli.refuse("image", "tags", "--limit", "x", f"{debian.host}/box")


class Paged:
    """A registry that lists tags `size` at a time; `link` makes the header's target of a page."""

    def __init__(self, names, size, link=None):
        self.names, self.size = names, size
        self.link = link or (lambda at: f"/v2/box/tags/list?n={size}&last={at}")

    def __call__(self, handler, asked):
        path, _, query = asked.path.partition("?")
        assert path == "/v2/box/tags/list", asked.path
        start = int(query.rpartition("last=")[2]) if "last=" in query else 0
        end = start + self.size
        link = f'<{self.link(end)}>; rel="next"' if end < len(self.names) else None
        handler.reply(200, {"name": "box", "tags": self.names[start:end]}, Content_Type="application/json", Link=link)


def test_pages(cli, serve):
    names = [f"v{i}" for i in range(25)]
    server = serve(Paged(names, 10))
    assert tags(cli, f"{server.host}/box") == names and len(server.asked) == 3
    assert tags(cli, f"{server.host}/box", "--limit", "12") == names[:12] and len(server.asked) == 5
    # A target may also be relative to the page, or say the whole URL.
    server = serve(Paged(names, 10, lambda at: f"list?last={at}"))
    assert tags(cli, f"{server.host}/box") == names
    server = serve(Paged(names, 10, lambda at: f"http://{server.host}/v2/box/tags/list?last={at}"))
    assert tags(cli, f"{server.host}/box") == names


def test_a_page_at_another_server(cli, serve):
    """No password goes there, and no request at all."""
    elsewhere = serve(lambda handler, asked: handler.reply(200, {"tags": ["stolen"]}))
    server = serve(Paged(["a", "b"], 1, lambda at: f"{elsewhere.url}/v2/box/tags/list?last={at}"))
    cli.login(server.host, "me", "secret")
    said = cli.refuse("image", "tags", f"{server.host}/box")
    assert "refused" in said and elsewhere.host in said and elsewhere.asked == []
    for target in (f"https://{server.host}/x", f"//{elsewhere.host}/x", f"http://{server.host}@{elsewhere.host}/x", "file:///etc/passwd",
                   f"http://[::1]:{server.port}/x"):
        wrong = serve(Paged(["a", "b"], 1, lambda at, target=target: target))
        cli.refuse("image", "tags", f"{wrong.host}/box")
        assert len(wrong.asked) == 1 and elsewhere.asked == [], target


def test_pages_without_end(cli, serve):
    server = serve(Paged(["a"] * 100, 1, lambda at: "/v2/box/tags/list"))
    assert "goes on where it is" in cli.refuse("image", "tags", f"{server.host}/box")

    def answer(handler, asked):  # in one piece, which the kernel does not hold back
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nLink: <list?%d>; rel="next"\r\n\r\n{"tags":[]}'
                            % len(server.asked))
    server = serve(answer)
    assert "pages" in cli.refuse("image", "tags", f"{server.host}/box", timeout=60)
    assert len(server.asked) == 1000


def test_a_page_that_does_not_end(cli, serve):
    def answer(handler, asked):
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(100):
            handler.wfile.write(b" " * 100000)
    assert "larger than" in cli.refuse("image", "tags", f"{serve(answer).host}/box")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tags":["a/b"]}', b'{"tags":["\\u001b[2J"]}', b'{"tags":[1]}', b"<html>", b'{"tags":["a"'])
def test_lists_that_are_none(cli, serve, body):
    server = serve(lambda handler, asked: handler.reply(200, body))
    said = cli.refuse("image", "tags", f"{server.host}/box")
    assert "tag" in said and "\x1b" not in said


def test_digests_among_tags(cli, serve):
    server = serve(lambda handler, asked: handler.reply(200, {"tags": ["a", "sha256:" + "0" * 64, "b"]}))
    assert tags(cli, f"{server.host}/box") == ["a", "b"]


def test_pull_all_tags(cli, debian):
    files = {tag: oci_image([tar((entry("word"), tag))]) for tag in ("one", "two")}
    for tag, image in files.items():
        debian.push(f"every/box:{tag}", image)
    name = f"{debian.host}/every/box"
    done = cli("pull", "--all-tags", name)
    ids = [json.loads(image["blobs/sha256/" + json.loads(image["index.json"])["manifests"][0]["digest"][7:]])["config"]["digest"][7:]
           for image in files.values()]
    assert sorted(done.ok().split()) == sorted(ids)
    assert sorted((one["Repository"], one["Tag"]) for one in cli.images()) == [(name, "one"), (name, "two")]
    assert sorted(cli("pull", "-q", "-a", name).ok().split()) == sorted(ids)
    assert "has no tag itself" in cli.refuse("pull", "-a", f"{name}:one")


# ---- referrers ----

def refer(oci, subject, kind, word, **more):
    """An artifact manifest that refers to a descriptor."""
    empty = oci.blob(b"{}", "application/vnd.oci.empty.v1+json")
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "config": empty,
                "layers": [oci.blob(word.encode(), "text/plain")], "subject": subject}
    return {**oci.blob(document, OCI_MANIFEST), "artifactType": kind, **more}


class WithReferrers(Served):
    """The API of the specification 1.1. filters: whether it knows the parameter; size: of a page."""

    def __init__(self, files, subject, referrers, filters=True, size=1000):
        super().__init__(files)
        self.subject, self.referrers, self.filters, self.size = subject, referrers, filters, size

    def __call__(self, handler, asked):
        if "/referrers/" not in asked.path:
            return super().__call__(handler, asked)
        path, _, query = asked.path.partition("?")
        found = self.referrers if path.endswith("/referrers/" + self.subject["digest"]) else []
        applied = None
        wanted = [part.partition("=")[2] for part in query.split("&") if part.startswith("artifactType=")]
        if self.filters and wanted:
            found, applied = [one for one in found if one["artifactType"] == wanted[0].replace("%2F", "/")], "artifactType"
        at = int(query.rpartition("at=")[2]) if "at=" in query else 0
        more = at + self.size < len(found)
        link = f'<{path}?{"artifactType=" + wanted[0] + "&" if wanted else ""}at={at + self.size}>; rel="next"' if more else None
        handler.reply(200, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found[at:at + self.size]},
                      Content_Type=OCI_INDEX, OCI_Filters_Applied=applied, Link=link)


def referred():
    oci = Oci()
    subject = oci.manifest([ONE], config([ONE], architecture=OWN))
    found = [refer(oci, subject, SIGNATURE, "signed", annotations={"who": "me"}), refer(oci, subject, PARTS, "made of"),
             refer(oci, subject, SIGNATURE, "signed again")]
    return oci.index(named(subject, "x")), subject, found


def referrers(cli, name, *words):
    return json.loads(cli("image", "referrers", "--format", "json", *words, name).ok())["manifests"]


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "does not filter"])
@pytest.mark.parametrize("size", [1000, 1], ids=["one page", "pages"])
def test_referrers(cli, serve, filters, size):
    files, subject, found = referred()
    server = serve(WithReferrers(files, subject, found, filters, size))
    name = f"{server.host}/box:1"
    assert referrers(cli, name) == found
    assert referrers(cli, name, "--artifact-type", SIGNATURE) == [found[0], found[2]]
    assert referrers(cli, name, "--artifact-type", "application/absent") == []
    assert referrers(cli, f"{server.host}/box@{subject['digest']}") == found
    assert referrers(cli, f"{server.host}/box@sha256:{'0' * 64}") == []
    rows = cli("image", "referrers", "--format", "{{.Digest}} {{.ArtifactType}}", name).ok().splitlines()
    assert rows == [f"{one['digest']} {one['artifactType']}" for one in found]
    head = cli("image", "referrers", name).ok().splitlines()[0]
    assert head.split("  ")[0] == "DIGEST" and "ARTIFACT TYPE" in head


def test_referrers_of_an_index_and_of_its_parts(cli, serve):
    index, own, other, files = both(Nobody(), "x")
    found = [{"mediaType": OCI_MANIFEST, "digest": "sha256:" + "1" * 64, "size": 3, "artifactType": SIGNATURE}]
    server = serve(WithReferrers(files, index, found))
    assert referrers(cli, f"{server.host}/box:1") == found
    assert referrers(cli, f"{server.host}/box:1", "--platform", f"linux/{OTHER}") == []
    server = serve(WithReferrers(files, other, found))
    assert referrers(cli, f"{server.host}/box:1", "--platform", f"linux/{OTHER}") == found


def test_referrers_by_the_tag(cli, debian):
    """Debian's registry has no such API: clients keep an index under a tag."""
    files, subject, found = referred()
    debian.push("signed:1", files)
    name = f"{debian.host}/signed:1"
    assert referrers(cli, name) == []
    oci = Oci()
    oci.files.update(files)
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}, OCI_INDEX)
    debian.push("signed:" + subject["digest"].replace(":", "-"), oci.index(named(index, "x")))
    assert referrers(cli, name) == found
    assert referrers(cli, name, "--artifact-type", PARTS) == [found[1]]


def test_referrers_that_are_none(cli, serve):
    files, subject, _ = referred()
    manifest = files["blobs/" + subject["digest"].replace(":", "/")]
    for body in (b"", b"[]", b"{}", manifest, b'{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:x","size":1}]}'):
        class Odd(Served):
            def __call__(self, handler, asked, body=body):
                if "/referrers/" in asked.path:
                    return handler.reply(200, body, Content_Type=OCI_INDEX)
                return super().__call__(handler, asked)
        assert "referrers" in cli.refuse("image", "referrers", f"{serve(Odd(files)).host}/box:1")


def test_referrers_of_what_is_not_there(cli, debian):
    assert "404 Not Found" in cli.refuse("image", "referrers", f"{debian.host}/absent:1")


# ---- how it is approached ----

def test_credentials(cli, serve):
    files = oci_image([ONE], image_config=config([ONE], architecture=OWN))

    class Closed(Paged, Served):
        def __init__(self, files):
            Served.__init__(self, files)
            Paged.__init__(self, ["1"], 9)

        def __call__(self, handler, asked):
            if asked.header("Authorization") != basic("me", "se:cret"):
                return handler.reply(401, {}, WWW_Authenticate='Basic realm="here"')
            return (Paged if "/tags/" in asked.path else Served).__call__(self, handler, asked)
    server = serve(Closed(files))
    name = f"{server.host}/box"
    assert tags(cli, name, "--creds", "me:se:cret") == ["1"]
    assert inspect(cli, name, "--creds", "me:se:cret")["RepoTags"] == ["1"]
    assert cli("pull", "-q", "--creds", "me:se:cret", name).ok()
    cli("rmi", name).ok()
    for words in ([], ["--creds", "me:wrong"], ["--creds", "me:"]):
        assert "401" in cli.refuse("image", "tags", *words, name)
    for word in (":x", "me", ""):
        assert "USER:PASSWORD" in cli.refuse("image", "tags", "--creds", word, name)
    cli.login(server.host, "me", "se:cret")
    assert tags(cli, name) == ["1"]
    assert "401" in cli.refuse("image", "tags", "--creds", "me:wrong", name)


def test_credentials_are_in_no_process(cli, serve):
    """Not in the arguments of the program that talks to the registry, nor in its environment."""
    seen, waiting = threading.Event(), threading.Event()

    def answer(handler, asked):
        seen.set()
        waiting.wait(20)
        handler.reply(200, {"tags": ["1"]})
    server = serve(answer)
    running = cli.start("image", "tags", "--creds", "me:a-secret-word", f"{server.host}/box")
    try:
        assert seen.wait(20)
        [remote] = [pid for pid, name in cli.processes() if name == "corten-remote"]
        for file in ("cmdline", "environ"):
            with open(f"/proc/{remote}/{file}", "rb") as text:
                assert b"a-secret-word" not in text.read()
    finally:
        waiting.set()
        running.communicate(timeout=20)
    assert running.returncode == 0


def test_offline_opens_no_connection(cli):
    listener = socket.create_server(("127.0.0.1", 0))
    name = f"127.0.0.1:{listener.getsockname()[1]}/box"
    for words in (["image", "inspect", f"docker://{name}:1"], ["image", "inspect", "--raw", f"docker://{name}"], ["image", "tags", name],
                  ["image", "referrers", f"{name}:1"], ["image", "referrers", f"{name}@sha256:{'0' * 64}"], ["pull", "-a", name]):
        said = cli.refuse("--offline", *words)
        assert "--offline" in said and name in said
    with (cli.config / "corten/corten.conf").open("a") as file:
        file.write("offline = true\n")
    assert "offline" in cli.refuse("image", "tags", name)
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_nothing_of_it_runs_on(cli, debian, box):
    debian.push("quiet:1", box)
    inspect(cli, f"{debian.host}/quiet:1")
    cli.assert_nothing_of_pulls_runs()


def test_a_mirror_is_read_first(cli, debian, serve, box):
    """Documents come from where they are found first; tags from the registry itself, which alone knows all."""
    debian.push("mirrored:1", box)
    registry = serve(Paged(["from the registry".replace(" ", "-")], 9))
    (cli.folder / "registries.conf").write_text(
        f'[[registry]]\nprefix = "registry.test"\nlocation = "{registry.host}"\ninsecure = true\n'
        f'[[registry.mirror]]\nlocation = "{debian.host}"\ninsecure = true\n')
    env = {"CONTAINERS_REGISTRIES_CONF": str(cli.folder / "registries.conf")}
    assert inspect(cli, "registry.test/mirrored:1", "-n", env=env)["Name"] == "registry.test/mirrored"
    registry.asked.clear()
    assert tags(cli, "registry.test/box", env=env) == ["from-the-registry"]
