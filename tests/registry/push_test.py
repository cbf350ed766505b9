"""`corten push` to Debian's docker-registry: what is sent, what is not, and what it is called."""
import crypt
import json
import subprocess

import pytest

from archives import config, entry, gz, oci_image, sha, tar, write_tar, zstd
from auth_test import trust
from registries import Authority, Debian, Taking, Tokens, basic

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ONE = tar("etc/", (entry("etc/motd"), "hello"))
TWO = tar("etc/", (entry("etc/two"), "t" * 3000), (entry("etc/big"), bytes(range(256)) * 4000))


def load(cli, tmp_path, files, name="work:1"):
    cli("load", "-i", write_tar(tmp_path / "image.tar", files)).ok()
    cli("tag", "test:1", name).ok()
    return name


def manifest_of(registry, name):
    """The manifest's bytes and type, as the registry has them."""
    repository, _, tag = name.partition(":")
    answer = registry.connection()
    answer.request("GET", f"/v2/{repository}/manifests/{tag}", headers={
        **registry.headers, "Accept": f"{OCI_MANIFEST}, {DOCKER_MANIFEST}"})
    answer = answer.getresponse()
    data = answer.read()
    assert answer.status == 200, (answer.status, data)
    return data, answer.getheader("Content-Type")


def blob_of(registry, repository, digest):
    connection = registry.connection()
    connection.request("GET", f"/v2/{repository}/blobs/{digest}", headers=registry.headers)
    return connection.getresponse().read()


def puts(registry):
    """What was written so far: "POST /v2/...", out of its log."""
    registry.log.flush()
    return [line.split('"')[1].rsplit(" ", 1)[0] for line in (registry.folder / "log").read_text().splitlines()
            if any(f'"{method} ' in line for method in ("POST", "PUT", "PATCH"))]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    made = Debian(tmp_path_factory.mktemp("pushed"))
    yield made
    made.close()


def unpacked(data):
    if data[:2] == b"\x1f\x8b":
        return subprocess.run(["gzip", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def test_a_pushed_layer_is_what_came_in(cli, tmp_path, registry):
    """No blob is stored: the archive is written again from the tree, and has the diff-id that it had."""
    load(cli, tmp_path, oci_image([ONE, TWO], packed=[gz(ONE), gz(TWO)]))
    # What is in the trash may go any moment.
    stored = [path.read_bytes() for folder in ("layers", "blobs") for path in (cli.root / folder).rglob("*") if path.is_file()]
    assert stored
    assert gz(TWO) not in stored and TWO not in stored
    name = f"{registry.host}/first:1"
    done = cli("push", "work:1", name)
    lines = done.ok().splitlines()
    assert lines[0] == f"The push refers to repository [{registry.host}/first]"
    assert sorted(lines[1:3]) == sorted(f"{sha(layer)[:12]}: Pushed" for layer in (ONE, TWO))
    data, kind = manifest_of(registry, "first:1")
    assert lines[3:] == [f"1: digest: sha256:{sha(data)} size: {len(data)}"]
    manifest = json.loads(data)
    assert kind == OCI_MANIFEST == manifest["mediaType"]
    assert [sha(unpacked(blob_of(registry, "first", layer["digest"]))) for layer in manifest["layers"]] == [sha(ONE), sha(TWO)]
    assert sha(blob_of(registry, "first", manifest["config"]["digest"])) == sha(config([ONE, TWO]))
    cli.check_store()


def test_what_is_there_is_not_sent_again(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([ONE, TWO]))
    cli("push", "work:1", f"{registry.host}/again:1").ok()
    first, _ = manifest_of(registry, "again:1")
    before = len(puts(registry))
    lines = cli("push", "work:1", f"{registry.host}/again:2").ok().splitlines()
    assert sorted(lines[1:3]) == sorted(f"{sha(layer)[:12]}: Layer already exists" for layer in (ONE, TWO))
    assert puts(registry)[before:] == ["PUT /v2/again/manifests/2"]
    assert manifest_of(registry, "again:2")[0] == first


def test_layers_are_mounted_from_another_repository(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([ONE, TWO]))
    cli("push", "work:1", f"{registry.host}/here/one:1").ok()
    before = len(puts(registry))
    lines = cli("push", "work:1", f"{registry.host}/there/two:1").ok().splitlines()
    assert sorted(lines[1:3]) == sorted(f"{sha(layer)[:12]}: Mounted from here/one" for layer in (ONE, TWO))
    assert not [one for one in puts(registry)[before:] if one.startswith("PATCH")]
    assert manifest_of(registry, "there/two:1")[0] == manifest_of(registry, "here/one:1")[0]


def test_a_pulled_image_keeps_its_digest(cli, registry):
    digest = registry.push("origin:1", oci_image([ONE, TWO], packed=[gz(ONE), zstd(TWO)]))
    cli("pull", f"{registry.host}/origin:1").ok()
    for name in ("origin:2", "mounted/to:1"):
        lines = cli("push", f"{registry.host}/origin:1", f"{registry.host}/{name}").ok().splitlines()
        assert lines[-1].startswith(f"{name.partition(':')[2]}: digest: {digest} size: ")
        assert "sha256:" + sha(manifest_of(registry, name)[0]) == digest


def test_packed_as_they_were_where_the_registry_has_nothing(cli, tmp_path, registry):
    """The other registry has no such blobs: Corten packs in its way, and the image's id stays."""
    registry.push("unlike:1", oci_image([ONE, TWO], packed=[gz(ONE), TWO]))
    cli("pull", f"{registry.host}/unlike:1").ok()
    other = Debian(tmp_path / "other")
    try:
        cli("push", f"{registry.host}/unlike:1", f"{other.host}/unlike:1").ok()
        manifest = json.loads(manifest_of(other, "unlike:1")[0])
        assert manifest["config"]["digest"] == "sha256:" + sha(config([ONE, TWO]))
        assert [layer["mediaType"].rpartition("v1.")[2] for layer in manifest["layers"]] == ["tar+gzip", "tar+gzip"]
        assert [sha(unpacked(blob_of(other, "unlike", layer["digest"]))) for layer in manifest["layers"]] == [sha(ONE), sha(TWO)]
        before = manifest_of(other, "unlike:1")[0]
        cli("push", f"{registry.host}/unlike:1", f"{other.host}/unlike:2").ok()
        assert manifest_of(other, "unlike:2")[0] == before
    finally:
        other.close()


def test_a_layer_that_another_image_came_with_is_mounted(cli, tmp_path, registry):
    packed, kind = gz(ONE), "application/vnd.oci.image.layer.v1.tar+gzip"
    registry.push("lender:1", oci_image([ONE], packed=[packed], media_type=kind))
    cli("pull", f"{registry.host}/lender:1").ok()
    load(cli, tmp_path, oci_image([ONE, TWO]))
    lines = cli("push", "work:1", f"{registry.host}/borrower:1").ok().splitlines()
    assert sorted(lines[1:3]) == sorted([f"{sha(ONE)[:12]}: Mounted from lender", f"{sha(TWO)[:12]}: Pushed"])
    layer = json.loads(manifest_of(registry, "borrower:1")[0])["layers"][0]
    assert layer == {"mediaType": kind, "digest": "sha256:" + sha(packed), "size": len(packed)}


def test_a_manifests_word_is_not_enough(cli, tmp_path, registry):
    """It claims a blob for a layer that is here already, so nobody looks: other images do not get to name that."""
    load(cli, tmp_path, oci_image([ONE]))
    wrong = gz(TWO)
    digest = registry.push("claims:1", oci_image([ONE], image_config=config([ONE], author="x"), packed=[wrong]))
    cli("pull", f"{registry.host}/claims:1").ok()
    cli("push", "work:1", f"{registry.host}/claims:2").ok()
    [layer] = json.loads(manifest_of(registry, "claims:2")[0])["layers"]
    assert layer["digest"] != "sha256:" + sha(wrong) and sha(unpacked(blob_of(registry, "claims", layer["digest"]))) == sha(ONE)
    # Itself it may say what it likes, as long as that is all there.
    assert digest in cli("push", f"{registry.host}/claims:1", f"{registry.host}/claims:3").ok()
    other = Debian(tmp_path / "other")
    try:
        cli("push", f"{registry.host}/claims:1", f"{other.host}/claims:1").ok()
        [layer] = json.loads(manifest_of(other, "claims:1")[0])["layers"]
        assert sha(unpacked(blob_of(other, "claims", layer["digest"]))) == sha(ONE)
    finally:
        other.close()


def test_what_was_pushed_can_be_removed(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([ONE, TWO]))
    cli("push", "work:1", f"{registry.host}/removed:1").ok()
    cli("rmi", "-f", "work:1", "test:1").ok()
    assert cli.images() == [] and cli.layers() == []
    cli("pull", f"{registry.host}/removed:1").ok()
    assert "already exists" in cli("push", f"{registry.host}/removed:1").ok()


def test_an_image_of_equal_layers_and_of_none(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([ONE, TWO, ONE]))
    lines = cli("push", "work:1", f"{registry.host}/equal:1").ok().splitlines()
    assert len([line for line in lines if line.endswith("Pushed")]) == 2
    layers = json.loads(manifest_of(registry, "equal:1")[0])["layers"]
    assert layers[0] == layers[2] and len(layers) == 3
    load(cli, tmp_path, oci_image([]), "none:1")
    cli("push", "none:1", f"{registry.host}/none:1").ok()
    assert json.loads(manifest_of(registry, "none:1")[0])["layers"] == []


# --- flags and outputs ---

@pytest.mark.parametrize("words, end", [(["--compression-format", "zstd"], "tar+zstd"), (["--compression-format=none"], "tar"),
                                        (["--compression-format=zstd", "--compression-level=22"], "tar+zstd"),
                                        (["--compression-level", "9"], "tar+gzip")])
def test_packings(cli, tmp_path, registry, words, end):
    load(cli, tmp_path, oci_image([TWO]))
    name = "packed/" + "".join(words).replace("-", "").replace("=", "")
    cli("push", *words, "work:1", f"{registry.host}/{name}:1").ok()
    [layer] = json.loads(manifest_of(registry, name + ":1")[0])["layers"]
    data = blob_of(registry, name, layer["digest"])
    assert layer["mediaType"].endswith("." + end) and sha(unpacked(data)) == sha(TWO) and layer["size"] == len(data)
    cli("rmi", "-f", "work:1", "test:1").ok()
    cli("pull", f"{registry.host}/{name}:1").ok()


def test_another_packing_than_the_registry_has(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([TWO]))
    cli("push", "work:1", f"{registry.host}/other/packing:1").ok()
    assert "Pushed" in cli("push", "--compression-format=zstd", "work:1", f"{registry.host}/other/packing:2").ok()
    assert "already exists" in cli("push", "--compression-format=zstd", "work:1", f"{registry.host}/other/packing:3").ok()
    [layer] = json.loads(manifest_of(registry, "other/packing:3")[0])["layers"]
    assert layer["mediaType"].endswith("zstd")


def test_forms_of_manifests(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([TWO]))
    cli("push", "--format", "v2s2", "work:1", f"{registry.host}/form:docker").ok()
    data, kind = manifest_of(registry, "form:docker")
    assert kind == json.loads(data)["mediaType"] == DOCKER_MANIFEST
    assert json.loads(data)["layers"][0]["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    cli("push", "work:1", f"{registry.host}/form:oci").ok()
    assert manifest_of(registry, "form:oci")[1] == OCI_MANIFEST
    cli("pull", f"{registry.host}/form:docker").ok()
    for form in ("v1", ""):
        assert f"'{form}': there are oci, v2s2" in cli.refuse("push", f"--format={form}", "work:1", f"{registry.host}/form:1")
    assert "zstd" in cli.refuse("push", "--format=v2s2", "--compression-format=zstd", "work:1", f"{registry.host}/form:1")


def test_quiet_and_digestfile(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([ONE]))
    file = tmp_path / "digest"
    done = cli("push", "-q", "--digestfile", file, "work:1", f"docker://{registry.host}/quiet")
    assert (done.ok(), done.err) == (f"{registry.host}/quiet:latest\n", "")
    assert file.read_text() == "sha256:" + sha(manifest_of(registry, "quiet:latest")[0])


def test_a_bar_on_a_terminal(cli, tmp_path, registry):
    load(cli, tmp_path, oci_image([TWO]))
    status, shown = cli.terminal("push", "work:1", f"{registry.host}/bar:1")
    assert status == 0 and f"layer 1 {sha(TWO)[:12]} [" in shown and f"{sha(TWO)[:12]}: Pushed" in shown, shown


def test_all_tags(cli, tmp_path, registry):
    name = f"{registry.host}/all"
    load(cli, tmp_path, oci_image([ONE]), name + ":a")
    cli("tag", name + ":a", name + ":b").ok()
    lines = cli("image", "push", "-a", name).ok().splitlines()
    assert [line.split(":")[0] for line in lines if "digest: " in line] == ["a", "b"]
    assert manifest_of(registry, "all:a") == manifest_of(registry, "all:b")
    assert "tag can't be used with --all-tags" in cli.refuse("push", "-a", name + ":a")
    assert "no image is named" in cli.refuse("push", "-a", f"{registry.host}/none")


def test_what_was_pushed_is_known_by_its_digest(cli, tmp_path, registry):
    name = load(cli, tmp_path, oci_image([ONE]), f"{registry.host}/known:1")
    digest = cli("push", name).ok().split()[-3]
    [document] = json.loads(cli("image", "inspect", name).ok())
    assert document["RepoDigests"] == [f"{registry.host}/known@{digest}"]


def test_refusals_before_anything_is_sent(cli, tmp_path, serve):
    server = serve(Taking())
    load(cli, tmp_path, oci_image([ONE]))
    assert "No such image: absent" in cli.refuse("push", "absent", f"{server.host}/x")
    assert "digest" in cli.refuse("push", "work:1", f"{server.host}/x@sha256:{64 * '0'}")
    assert "1 to 9" in cli.refuse("push", "--compression-level=10", "work:1", f"{server.host}/x")
    assert "USER:PASSWORD" in cli.refuse("push", "--creds=me", "work:1", f"{server.host}/x")
    said = cli.refuse("--offline", "push", "work:1", f"{server.host}/x")
    assert "offline" in said and server.host in said
    assert server.asked == []


# --- who one is ---

def test_htpasswd(cli, tmp_path):
    passwords = tmp_path / "htpasswd"
    passwords.write_text("me:" + crypt.crypt("se:cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)) + "\n")
    registry = Debian(tmp_path / "registry", auth=f"auth: {{htpasswd: {{realm: here, path: {passwords}}}}}")
    try:
        registry.headers = {"Authorization": basic("me", "se:cret")}
        load(cli, tmp_path, oci_image([ONE]))
        said = cli.refuse("push", "work:1", f"{registry.host}/box:1")
        assert "401 Unauthorized" in said and f"corten login {registry.host}" in said and "repository box" in said
        cli("push", "--creds", "me:se:cret", "work:1", f"{registry.host}/box:1").ok()
        assert "401" in cli.refuse("push", "--creds", "me:wrong", "work:1", f"{registry.host}/box:2")
        cli("login", "-u", "me", "--password-stdin", registry.host, stdin="se:cret").ok()
        cli("push", "work:1", f"{registry.host}/box:3").ok()
        cli("rmi", "-f", "work:1").ok()
        cli("pull", "--creds", "me:se:cret", f"{registry.host}/box:3").ok()
    finally:
        registry.close()


def test_tokens_and_tls(cli, tmp_path, serve):
    """One token to push with; a mount takes one that may read the other repository, too."""
    authority = Authority(tmp_path / "authority")
    tokens = Tokens(tmp_path / "tokens", {"me": "secret"})
    server = serve(tokens, tls=authority)
    registry = Debian(tmp_path / "registry", auth=tokens.config(server.url + "/token"), tls=authority)
    try:
        load(cli, tmp_path, oci_image([ONE, TWO]))
        assert "certificate" in cli.refuse("push", "work:1", f"{registry.host}/a/box:1")
        trust(cli, registry.host, authority)
        trust(cli, server.host, authority)
        said = cli.refuse("push", "work:1", f"{registry.host}/a/box:1")
        assert "who are you" in said and "corten login" in said
        cli.login(registry.host, "me", "secret")
        before = len(server.asked)
        cli("push", "work:1", f"{registry.host}/a/box:1").ok()
        [asked] = server.asked[before:]
        assert "scope=repository%3Aa%2Fbox%3Apull%2Cpush&" in asked.path + "&"
        lines = cli("push", "work:1", f"{registry.host}/b/box:1").ok().splitlines()
        assert len([line for line in lines if "Mounted from a/box" in line]) == 2
        assert "scope=repository%3Aa%2Fbox%3Apull&" in server.asked[-1].path + "&"
        registry.headers = {"Authorization": "Bearer " + tokens.token("repository:b/box:pull", "me")}
        assert manifest_of(registry, "b/box:1")
    finally:
        registry.close()
