"""`corten image copy`: from a registry, layouts and archives into layouts and archives, byte for byte."""
import crypt
import io
import json
import os
import socket
import tarfile
import threading

import pytest

from archives import (OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Oci, config, docker_archive, entry, gz, named, oci_image, sha, tar, write_folder,
                      write_tar, zstd)
from box import wait_for
from registries import Debian, Served, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))
TWO = tar("etc/", (entry("etc/two"), bytes((i * i * 2654435761 >> 13) & 255 for i in range(300000))))
OWN = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OTHER = "arm64" if OWN == "amd64" else "amd64"


def image(**more):
    return oci_image([ONE, TWO], image_config=config([ONE, TWO], architecture=OWN), packed=[gz(ONE), zstd(TWO)], **more)


def top_of(files):
    return json.loads(files["index.json"])["manifests"][0]["digest"]


def blobs(files):
    return {name: data for name, data in files.items() if name.startswith("blobs/")}


def read_folder(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_tar(path):
    with tarfile.open(path) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}


def read_any(path):
    return read_folder(path) if path.is_dir() else read_tar(path)


def copy(cli, source, destination, *words):
    return cli("image", "copy", "-q", *words, source, destination).ok().strip()


def check_layout(files, digest, name=None, blob_files=None):
    """An OCI layout of one image: every blob is what its name says, and all that were expected are there."""
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    [one] = json.loads(files["index.json"])["manifests"]
    assert one["digest"] == digest and one["size"] == len(files["blobs/" + digest.replace(":", "/")])
    assert one.get("annotations", {}).get("org.opencontainers.image.ref.name") == name
    for member, data in blobs(files).items():
        assert sha(data) == member.rpartition("/")[2]
    if blob_files is not None:
        assert blobs(files) == blob_files


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_out_of_a_registry(cli, debian, form):
    files = image()
    digest = debian.push("copied:1", files)
    out = cli.folder / "out"
    assert copy(cli, f"docker://{debian.host}/copied:1", f"{form}:{out}:mine") == digest
    check_layout(read_any(out), digest, "mine", blobs(files))
    assert cli.images() == [] and cli.layers() == []
    cli.check_store()
    cli("load", "-i", out).ok()
    assert cli.images()[0]["ID"].endswith(json.loads(files["blobs/" + digest.replace(":", "/")])["config"]["digest"][7:])


@pytest.mark.parametrize("source", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive", "dir"])
def test_from_one_form_into_another(cli, source, form):
    files = image(name="first")
    make = write_folder if source == "oci" else write_tar
    made, out = make(cli.folder / "in", files), cli.folder / "out"
    assert copy(cli, f"{source}:{made}", f"{form}:{out}") == top_of(files)
    found = read_any(out)
    if form == "dir":
        assert found.pop("version").startswith(b"Directory Transport Version")
        assert found.pop("manifest.json") == files["blobs/" + top_of(files).replace(":", "/")]
        assert found == {name.rpartition("/")[2]: data for name, data in blobs(files).items() if top_of(files)[7:] not in name}
        return
    check_layout(found, top_of(files), None, blobs(files))
    assert ("manifest.json" in found) == (form == "docker-archive")


def test_an_archive_for_docker(cli):
    """Its layers are those of the manifest, as they are."""
    files = image()
    write_folder(cli.folder / "in", files)
    out = cli.folder / "out.tar"
    copy(cli, f"oci:{cli.folder}/in", f"docker-archive:{out}:box:2")
    found = read_tar(out)
    manifest = json.loads(files["blobs/" + top_of(files).replace(":", "/")])
    [one] = json.loads(found["manifest.json"])
    assert one == {"Config": "blobs/" + manifest["config"]["digest"].replace(":", "/"), "RepoTags": ["box:2"],
                   "Layers": ["blobs/" + layer["digest"].replace(":", "/") for layer in manifest["layers"]]}
    [described] = json.loads(found["index.json"])["manifests"]
    assert described["annotations"] == {"io.containerd.image.name": "docker.io/library/box:2", "org.opencontainers.image.ref.name": "2"}
    cli("load", "-i", out).ok()
    assert [(row["Repository"], row["Tag"]) for row in cli.images()] == [("box", "2")]
    assert "digest" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"docker-archive:{out}:box@sha256:{'0' * 64}")


@pytest.mark.parametrize("pack", [lambda data: data, gz, zstd], ids=["plain", "gzip", "zstd"])
def test_an_old_archive_of_docker(cli, pack):
    """It has no manifest: one is made, of the layers as they are."""
    files = docker_archive([ONE, TWO], image_config=config([ONE, TWO], architecture=OWN), packed=[pack(ONE), pack(TWO)])
    archive, out = write_tar(cli.folder / "in.tar", files), cli.folder / "out"
    digest = copy(cli, f"docker-archive:{archive}", f"oci:{out}:x")
    found = read_folder(out)
    check_layout(found, digest, "x")
    manifest = json.loads(found["blobs/" + digest.replace(":", "/")])
    assert manifest["config"]["digest"] == "sha256:" + sha(config([ONE, TWO], architecture=OWN))
    ending = {bytes: "", gz: "+gzip", zstd: "+zstd"}.get(pack, "")
    assert [(one["mediaType"], one["digest"]) for one in manifest["layers"]] == \
        [(OCI_LAYER + ending, "sha256:" + sha(pack(layer))) for layer in (ONE, TWO)]
    assert copy(cli, f"docker-archive:{archive}", f"oci:{out}2") == digest  # the same again
    cli("load", "-i", out).ok()


def test_an_old_archive_that_lies(cli):
    files = docker_archive([ONE], image_config=config([TWO], architecture=OWN))
    archive = write_tar(cli.folder / "in.tar", files)
    said = cli.refuse("image", "copy", f"docker-archive:{archive}", f"oci:{cli.folder}/out")
    assert sha(ONE) in said and sha(TWO) in said and not (cli.folder / "out").exists()
    archive = write_tar(cli.folder / "two.tar", docker_archive([ONE], image_config=config([ONE, TWO])))
    assert "1 layers, but 2 diff_ids" in cli.refuse("image", "copy", f"docker-archive:{archive}", f"oci:{cli.folder}/out")


def two_platforms():
    oci = Oci()
    own = {**oci.manifest([ONE], config([ONE], architecture=OWN)), "platform": {"os": "linux", "architecture": OWN}}
    other = {**oci.manifest([TWO], config([TWO], architecture=OTHER)), "platform": {"os": "linux", "architecture": OTHER}}
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [other, own]}, OCI_INDEX)
    return oci.index(named(index, "many")), index, own, other


@pytest.mark.parametrize("source", ["registry", "oci"])
def test_an_index(cli, debian, source):
    files, index, own, other = two_platforms()
    debian.push("several:1", files)
    write_folder(cli.folder / "in", files)
    name = f"docker://{debian.host}/several:1" if source == "registry" else f"oci:{cli.folder}/in:many"
    assert copy(cli, name, f"oci:{cli.folder}/all", "--all") == index["digest"]
    check_layout(read_folder(cli.folder / "all"), index["digest"], None, blobs(files))
    assert copy(cli, name, f"oci:{cli.folder}/own") == own["digest"]
    found = read_folder(cli.folder / "own")
    check_layout(found, own["digest"])
    assert len(blobs(found)) == 3
    assert copy(cli, name, f"oci:{cli.folder}/other", "--platform", f"linux/{OTHER}") == other["digest"]
    assert copy(cli, name, f"dir:{cli.folder}/dir", "-a") == index["digest"]
    found = read_folder(cli.folder / "dir")
    assert sha(found["manifest.json"]) == index["digest"][7:] and own["digest"][7:] + ".manifest.json" in found
    assert "no image for linux/s390x" in cli.refuse("image", "copy", "--platform", "linux/s390x", name, f"oci:{cli.folder}/none")
    assert "--all" in cli.refuse("image", "copy", "-a", name, f"docker-archive:{cli.folder}/none")
    assert "which" in cli.refuse("image", "copy", "-a", "--platform", "linux/arm64", name, f"oci:{cli.folder}/none")
    assert not (cli.folder / "none").exists()


def test_an_artifact(cli):
    oci = Oci()
    empty = oci.blob(b"{}", "application/vnd.oci.empty.v1+json")
    artifact = oci.blob({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/b", "config": empty, "layers": [empty]},
                        OCI_MANIFEST)
    files = oci.index(named(artifact, "x"))
    write_folder(cli.folder / "in", files)
    assert copy(cli, f"oci:{cli.folder}/in:x", f"oci-archive:{cli.folder}/out") == artifact["digest"]
    check_layout(read_tar(cli.folder / "out"), artifact["digest"], None, blobs(files))
    assert "artifact" in cli.refuse("image", "copy", f"oci:{cli.folder}/in:x", f"docker-archive:{cli.folder}/no")


def test_one_of_several_images(cli):
    oci = Oci()
    one, two = oci.manifest([ONE], config([ONE], architecture=OWN)), oci.manifest([TWO], config([TWO], architecture=OWN))
    write_folder(cli.folder / "in", oci.index(named(one, "one"), named(two, "two"), named(two, "deux")))
    assert copy(cli, f"oci:{cli.folder}/in:two", f"oci:{cli.folder}/out") == two["digest"]
    assert "holds 2 images" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"oci:{cli.folder}/no")
    assert "no image 'three'" in cli.refuse("image", "copy", f"oci:{cli.folder}/in:three", f"oci:{cli.folder}/no")
    first = docker_archive([ONE], tags=["box:1", "box:2"], image_config=config([ONE], architecture=OWN))
    second = docker_archive([TWO], tags=["box:3"], image_config=config([TWO], architecture=OWN))
    both = {**first, **second, "manifest.json": json.dumps(json.loads(first["manifest.json"]) + json.loads(second["manifest.json"])).encode()}
    archive = write_tar(cli.folder / "both.tar", both)
    digest = copy(cli, f"docker-archive:{archive}:docker.io/library/box:3", f"oci:{cli.folder}/third")
    assert json.loads(read_folder(cli.folder / "third")["blobs/" + digest.replace(":", "/")])["layers"][0]["digest"] == "sha256:" + sha(TWO)
    assert "holds 2 images" in cli.refuse("image", "copy", f"docker-archive:{archive}", f"oci:{cli.folder}/no")
    assert "holds 0 images 'box:4'" in cli.refuse("image", "copy", f"docker-archive:{archive}:box:4", f"oci:{cli.folder}/no")


def test_words_that_name_no_place(cli):
    write_folder(cli.folder / "in", image())
    good = f"oci:{cli.folder}/in"
    for source in ("box", "docker:box", f"{cli.folder}/in", "oci:", f"dir:{cli.folder}/in", f"oci:{cli.folder}/absent",
                   f"oci-archive:{cli.folder}/in", "docker://BOX"):
        cli.refuse("image", "copy", source, f"oci:{cli.folder}/no")
    for destination in ("box", "oci:", f"oci:{cli.folder}/in", f"oci:{cli.folder}/absent/no"):
        cli.refuse("image", "copy", good, destination)
    assert cli("image", "copy", good).status == 125
    assert not (cli.folder / "no").exists()


def test_progress_is_told_of_each_blob(cli):
    files = image()
    write_folder(cli.folder / "in", files)
    done = cli("image", "copy", f"oci:{cli.folder}/in", f"oci:{cli.folder}/out")
    assert done.ok() == top_of(files) + "\n" and done.err.count("done") == 3
    done = cli("image", "copy", "--quiet", f"oci:{cli.folder}/in", f"oci:{cli.folder}/out2")
    assert (done.ok(), done.err) == (top_of(files) + "\n", "")


# ---- what is wrong in it ----

def refused(cli, source, *words):
    said = cli.refuse("image", "copy", *words, source, f"oci-archive:{cli.folder}/out")
    assert not [path for path in cli.folder.iterdir() if path.name.startswith(("out", ".out"))]
    assert all(" " <= c or c == "\n" for c in said)
    return said


def test_blobs_that_are_not_what_they_should_be(cli, serve):
    files = image()
    manifest = json.loads(files["blobs/" + top_of(files).replace(":", "/")])
    layer = manifest["layers"][1]
    member = "blobs/" + layer["digest"].replace(":", "/")
    whole = files[member]
    for data, word in ((whole[:-1] + bytes([whole[-1] ^ 1]), "has the digest"), (whole[:-1], "bytes"), (whole + b"x", "bytes")):
        write_folder(cli.folder / f"in{len(data)}{data[-1]}", {**files, member: data})
        said = refused(cli, f"oci:{cli.folder}/in{len(data)}{data[-1]}")
        assert word in said and layer["digest"][7:19] in said
    write_folder(cli.folder / "in", {name: data for name, data in files.items() if name != member})
    assert layer["digest"][7:] in refused(cli, f"oci:{cli.folder}/in")

    class Wrong(Served):
        def layer(self, handler, asked, data):
            return super().layer(handler, asked, data if data != whole else self.wrong)
    for wrong, word in ((whole[:-1] + bytes([whole[-1] ^ 1]), "has the digest"), (whole[:-1], "cut")):
        answer = Wrong(files)
        answer.wrong = wrong
        assert word in refused(cli, f"docker://{serve(answer).host}/box:1")


def test_a_transfer_that_breaks_off(cli, serve):
    """corten-remote tells why, not corten-image that it is cut."""
    class Broken(Served):
        def layer(self, handler, asked, data):
            return handler.reply(403, {"errors": [{"code": "X", "message": "the disk is gone"}]}) if len(data) > 100000 else \
                super().layer(handler, asked, data)
    assert "the disk is gone" in refused(cli, f"docker://{serve(Broken(image())).host}/box:1")


def test_an_index_that_fans_out(cli):
    """Twice the same below each, deeper than any image."""
    oci = Oci()
    below = oci.manifest([ONE], config([ONE], architecture=OWN))
    for _ in range(10):
        below = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below, below]}, OCI_INDEX)
    write_folder(cli.folder / "in", oci.index(named(below, "x")))
    assert "nested deeper" in refused(cli, f"oci:{cli.folder}/in", "--all")
    oci = Oci()
    below = oci.manifest([ONE], config([ONE], architecture=OWN))
    wide = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below] * 1100}, OCI_INDEX)
    write_folder(cli.folder / "wide", oci.index(named(wide, "x")))
    assert "more than 1024" in refused(cli, f"oci:{cli.folder}/wide", "--all")


def test_documents_that_are_two_things(cli):
    oci = Oci()
    document = json.loads(oci.files["blobs/" + oci.manifest([ONE])["digest"].replace(":", "/")])
    mixed = oci.blob({**document, "manifests": []}, OCI_MANIFEST)
    write_folder(cli.folder / "mixed", oci.index(named(mixed, "x")))
    assert "both an index and a manifest" in refused(cli, f"oci:{cli.folder}/mixed")
    oci = Oci()
    inner = oci.manifest([ONE])
    outer = oci.blob({**document, "layers": [inner]}, OCI_MANIFEST)
    write_folder(cli.folder / "inner", oci.index(named(outer, "x")))
    assert "a blob of media type" in refused(cli, f"oci:{cli.folder}/inner")
    write_folder(cli.folder / "bare", {"some": b"file"})
    assert "it is no image" in refused(cli, f"oci:{cli.folder}/bare")


def test_a_layout_that_leads_out(cli):
    """Links in a layout are not followed, and what is no file is none."""
    files = image()
    member = next(iter(blobs(files)))
    for number, make in enumerate((lambda path: path.symlink_to("/etc/passwd"), lambda path: os.mkfifo(path))):
        folder = write_folder(cli.folder / f"in{number}", files)
        (folder / member).unlink()
        make(folder / member)
        refused(cli, f"oci:{folder}")


def test_names_that_are_in_the_way(cli):
    """A layout is not written into one that is there; a file is replaced when the new one is whole."""
    files = image()
    write_folder(cli.folder / "in", files)
    write_folder(cli.folder / "there", {"something": b"else"})
    assert "there" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"oci:{cli.folder}/there")
    assert read_folder(cli.folder / "there") == {"something": b"else"}
    (cli.folder / "old.tar").write_bytes(b"old")
    cli.refuse("image", "copy", f"oci:{cli.folder}/in:absent", f"oci-archive:{cli.folder}/old.tar")
    assert (cli.folder / "old.tar").read_bytes() == b"old"
    copy(cli, f"oci:{cli.folder}/in", f"oci-archive:{cli.folder}/old.tar")
    check_layout(read_tar(cli.folder / "old.tar"), top_of(files), None, blobs(files))


def test_a_reader_that_is_gone(cli):
    """/dev/full takes nothing: that is told."""
    write_folder(cli.folder / "in", image())
    assert "No space left" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", "oci-archive:/dev/full")


def test_credentials_of_a_source(cli, serve):
    files = image()

    class Closed(Served):
        def __call__(self, handler, asked):
            if asked.header("Authorization") != basic("me", "secret"):
                return handler.reply(401, {}, WWW_Authenticate='Basic realm="here"')
            return super().__call__(handler, asked)
    name = f"docker://{serve(Closed(files)).host}/box:1"
    assert "401" in refused(cli, name)
    assert copy(cli, name, f"oci:{cli.folder}/by-creds", "--src-creds", "me:secret") == top_of(files)
    file = cli.login(name[9:].partition("/")[0], "me", "secret")
    moved = file.rename(cli.folder / "auth.json")
    assert "401" in refused(cli, name)
    assert copy(cli, name, f"oci:{cli.folder}/by-file", "--src-authfile", moved) == top_of(files)
    assert copy(cli, name, f"oci:{cli.folder}/by-both", "--authfile", moved) == top_of(files)
    assert "--tls-verify" in cli.refuse("image", "copy", "--src-tls-verify=no", name, f"oci:{cli.folder}/no")


def test_offline_opens_no_connection(cli):
    listener = socket.create_server(("127.0.0.1", 0))
    name = f"127.0.0.1:{listener.getsockname()[1]}/box"
    said = cli.refuse("--offline", "image", "copy", f"docker://{name}", f"oci:{cli.folder}/no")
    assert "--offline" in said and name in said
    write_folder(cli.folder / "in", image())
    cli("--offline", "image", "copy", f"oci:{cli.folder}/in", f"oci:{cli.folder}/out").ok()
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_a_packed_archive(cli):
    files = image()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            archive.addfile(entry(name, size=len(data)), io.BytesIO(data))
    (cli.folder / "in.tgz").write_bytes(packed.getvalue())
    assert copy(cli, f"oci-archive:{cli.folder}/in.tgz", f"oci:{cli.folder}/out") == top_of(files)


# ---- into a registry ----

def there(debian, name, kind=OCI_MANIFEST):
    repository, _, tag = name.partition(":")
    return debian.send("GET", f"/v2/{repository}/manifests/{tag}", Accept=kind)


def fetch(debian, path, **headers):
    connection = debian.connection()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("source", ["oci", "oci-archive", "docker-archive"])
def test_into_a_registry(cli, debian, source):
    files = image(name="first")
    make = write_folder if source == "oci" else write_tar
    made = make(cli.folder / "in", files)
    name = f"into/{source}:1"
    assert copy(cli, f"{source}:{made}", f"docker://{debian.host}/{name}") == top_of(files)
    assert there(debian, name).getheader("Docker-Content-Digest") == top_of(files)
    for member, data in blobs(files).items():
        if member != "blobs/" + top_of(files).replace(":", "/"):
            assert fetch(debian, f"/v2/into/{source}/blobs/sha256:{sha(data)}") == (200, data)
    cli("pull", f"{debian.host}/{name}").ok()
    done = cli("image", "copy", f"{source}:{made}", f"docker://{debian.host}/{name}")
    assert done.ok() == top_of(files) + "\n" and done.err.count("is there already") == 3


def test_an_old_archive_into_a_registry(cli, debian):
    files = docker_archive([ONE, TWO], image_config=config([ONE, TWO], architecture=OWN))
    archive = write_tar(cli.folder / "in.tar", files)
    digest = copy(cli, f"docker-archive:{archive}", f"docker://{debian.host}/into/old:1")
    assert cli("pull", "-q", f"{debian.host}/into/old:1").ok().strip() == sha(config([ONE, TWO], architecture=OWN))
    assert there(debian, "into/old:1").getheader("Docker-Content-Digest") == digest


def test_an_index_into_a_registry(cli, debian):
    files, index, own, other = two_platforms()
    write_folder(cli.folder / "in", files)
    assert copy(cli, f"oci:{cli.folder}/in", f"docker://{debian.host}/into/index:1", "--all") == index["digest"]
    assert there(debian, "into/index:1", OCI_INDEX).getheader("Docker-Content-Digest") == index["digest"]
    for part in (own, other):
        assert fetch(debian, f"/v2/into/index/manifests/{part['digest']}", Accept=OCI_MANIFEST)[0] == 200
    cli("pull", "--platform", f"linux/{OTHER}", f"{debian.host}/into/index:1").ok()
    assert copy(cli, f"oci:{cli.folder}/in", f"docker://{debian.host}/into/one:1") == own["digest"]
    tags = cli("image", "tags", "--format", "{{.Tag}}", f"{debian.host}/into/index").ok()
    assert tags == "1\n"  # the parts have no names


def test_from_one_registry_into_another(cli, debian, tmp_path):
    files = image()
    digest = debian.push("from/here:1", files)
    other = Debian(tmp_path / "other")
    try:
        assert copy(cli, f"docker://{debian.host}/from/here:1", f"docker://{other.host}/to/there:2") == digest
        assert there(other, "to/there:2").getheader("Docker-Content-Digest") == digest
        cli("pull", f"{other.host}/to/there:2").ok()
        assert copy(cli, f"docker://{debian.host}/from/here@{digest}", f"docker://{other.host}/by/digest") == digest
        assert there(other, "by/digest:latest").getheader("Docker-Content-Digest") == digest
    finally:
        other.close()


def test_within_a_registry_nothing_is_sent(cli, debian):
    """Blobs are mounted from the one repository into the other."""
    files = image()
    digest = debian.push("near/one:1", files)
    before = len((debian.folder / "log").read_text().splitlines())
    assert copy(cli, f"docker://{debian.host}/near/one:1", f"docker://{debian.host}/near/two:1") == digest
    debian.log.flush()
    lines = (debian.folder / "log").read_text().splitlines()[before:]
    sent = [line for line in lines if '"PATCH ' in line or '"PUT /v2/near/two/blobs' in line]
    mounted = [line for line in lines if '"POST /v2/near/two/blobs/uploads/?' in line and "mount=" in line]
    assert not sent and len(mounted) == 3, lines
    assert not [line for line in lines if '"GET /v2/near/one/blobs/' in line]
    cli("pull", f"{debian.host}/near/two:1").ok()


def test_what_is_wrong_is_never_named_in_a_registry(cli, debian, serve):
    files = image()
    manifest = json.loads(files["blobs/" + top_of(files).replace(":", "/")])
    layer = manifest["layers"][1]["digest"]
    member = "blobs/" + layer.replace(":", "/")
    whole = files[member]
    write_folder(cli.folder / "in", {**files, member: whole[:-1] + bytes([whole[-1] ^ 1])})
    said = cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"docker://{debian.host}/wrong/one:1")
    assert "has the digest" in said and layer[7:19] in said, said
    assert fetch(debian, "/v2/wrong/one/manifests/1")[0] == 404
    assert fetch(debian, f"/v2/wrong/one/blobs/{layer}")[0] == 404

    class Wrong(Served):
        def layer(self, handler, asked, data):
            if data == whole:
                return handler.reply(403, {"errors": [{"code": "X", "message": "the disk is gone"}]})
            return super().layer(handler, asked, data)
    said = cli.refuse("image", "copy", f"docker://{serve(Wrong(files)).host}/box:1", f"docker://{debian.host}/wrong/two:1")
    assert "the disk is gone" in said
    assert fetch(debian, "/v2/wrong/two/manifests/1")[0] == 404


def test_a_registry_that_takes_nothing(cli, serve):
    write_folder(cli.folder / "in", image())

    def answer(handler, asked):
        if asked.method == "HEAD" or asked.method == "GET":
            return handler.reply(404, {})
        return handler.reply(403, {"errors": [{"code": "DENIED", "message": "look, but do not touch"}]})
    said = cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"docker://{serve(answer).host}/box:1")
    assert "look, but do not touch" in said
    cli.assert_nothing_of_pulls_runs()


def test_credentials_of_a_destination(cli, tmp_path):
    passwords = tmp_path / "htpasswd"
    passwords.write_text("me:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)) + "\n")
    closed = Debian(tmp_path / "closed", auth=f"auth: {{htpasswd: {{realm: here, path: {passwords}}}}}")
    try:
        files = image()
        write_folder(cli.folder / "in", files)
        name = f"docker://{closed.host}/box:1"
        assert "401" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", name)
        assert "401" in cli.refuse("image", "copy", "--src-creds", "me:secret", f"oci:{cli.folder}/in", name)
        assert copy(cli, f"oci:{cli.folder}/in", name, "--dest-creds", "me:secret") == top_of(files)
        assert copy(cli, name, f"oci:{cli.folder}/back", "--src-creds", "me:secret") == top_of(files)
        file = cli.login(closed.host, "me", "secret").rename(cli.folder / "auth.json")
        assert copy(cli, name, f"docker://{closed.host}/two:1", "--authfile", file) == top_of(files)
        assert copy(cli, name, f"docker://{closed.host}/three:1", "--src-creds", "me:secret", "--dest-authfile", file) == top_of(files)
        closed.headers = {"Authorization": basic("me", "secret")}
        assert there(closed, "three:1").getheader("Docker-Content-Digest") == top_of(files)
    finally:
        closed.close()


def test_places_in_a_registry_that_are_none(cli, debian):
    write_folder(cli.folder / "in", image())
    assert "has a digest" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", f"docker://{debian.host}/box@sha256:{'0' * 64}")
    assert "lower case" in cli.refuse("image", "copy", f"oci:{cli.folder}/in", "docker://BOX")
    listener = socket.create_server(("127.0.0.1", 0))
    name = f"127.0.0.1:{listener.getsockname()[1]}/box"
    said = cli.refuse("--offline", "image", "copy", f"oci:{cli.folder}/in", f"docker://{name}")
    assert "--offline" in said and name in said
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_killed_in_the_middle(cli, serve, form):
    """Nothing has the name, nothing temporary stays, nobody works on."""
    files = image()
    reached, go_on = threading.Event(), threading.Event()

    class Slow(Served):
        def layer(self, handler, asked, data):
            if len(data) > 100000:
                reached.set()
                go_on.wait(30)
            return super().layer(handler, asked, data)
    server = serve(Slow(files))
    folder = cli.folder / "outside"
    folder.mkdir()
    running = cli.start("image", "copy", f"docker://{server.host}/box:1", f"{form}:{folder}/out")
    try:
        assert reached.wait(30)
        running.kill()
        running.communicate(timeout=20)
    finally:
        go_on.set()
    cli.assert_nothing_of_pulls_runs()
    wait_for(lambda: list(folder.iterdir()) == [], "what is temporary to go")
    assert copy(cli, f"docker://{server.host}/box:1", f"{form}:{folder}/out") == top_of(files)
    cli.check_store()
