"""`corten pull` from Debian's docker-registry: what is fetched, how it is named, and that it runs."""
import json
import os
import subprocess

from archives import OCI_INDEX, Oci, config, entry, gz, named, oci_image, sha, tar, zstd


import pytest

ONE = tar("etc/", (entry("etc/motd"), "hello"))
TWO = tar("etc/", (entry("etc/two"), "t" * 3000))
OWN = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def id_of(files):
    top = json.loads(files["index.json"])["manifests"][0]["digest"]
    manifest = json.loads(files["blobs/sha256/" + top.removeprefix("sha256:")])
    return manifest["config"]["digest"].removeprefix("sha256:")


def test_pull_and_run(cli, debian, box):
    done = cli("pull", f"{debian.host}/box:1")
    assert done.ok() == id_of(box) + "\n"
    assert "layer 1" in done.err and "done" in done.err
    assert cli("run", "--rm", f"{debian.host}/box:1", "cat", "/etc/word").ok() == "from the registry\n"
    [image] = cli.images()
    assert (image["Repository"], image["Tag"]) == (f"{debian.host}/box", "1")
    cli.check_store()


def test_quiet_says_the_id_alone(cli, debian, box):
    done = cli("pull", "-q", f"{debian.host}/box:1")
    assert (done.ok(), done.err) == (id_of(box) + "\n", "")


def test_what_is_there_is_not_fetched_again(cli, debian):
    cli("pull", f"{debian.host}/box:1").ok()
    before = len(debian.requests())
    done = cli("image", "pull", f"{debian.host}/box:1")
    done.ok()
    assert "is there already" in done.err
    asked = debian.requests()[before:]
    assert len(asked) == 2 and "/manifests/1" in asked[0] and "/blobs/" in asked[1], asked


@pytest.mark.parametrize("pack", [lambda x: x, gz, zstd], ids=["plain", "gzip", "zstd"])
def test_layers_of_every_packing(cli, debian, pack):
    files = oci_image([ONE, TWO], packed=[pack(ONE), pack(TWO)])
    debian.push("packed:1", files)
    cli("pull", f"{debian.host}/packed:1").ok()
    assert cli.layers() == sorted([sha(ONE), sha(TWO)])
    assert (cli.root / "layers" / sha(ONE) / "diff/etc/motd").read_text() == "hello"


def test_by_digest(cli, debian, box):
    digest = debian.push("bydigest:1", box)
    name = f"{debian.host}/bydigest@{digest}"
    assert cli("pull", name).ok() == id_of(box) + "\n"
    [document] = json.loads(cli("image", "inspect", name).ok())
    assert document["RepoDigests"] == [name] and document["RepoTags"] == []
    assert cli("run", "--rm", "--pull", "never", name, "echo", "ran").ok() == "ran\n"
    # A tag beside a digest says nothing more.
    assert cli("pull", f"{debian.host}/bydigest:other@{digest}").ok() == id_of(box) + "\n"


def test_repo_digests_name_what_was_pulled(cli, debian, box):
    digest = debian.push("two/parts:1", box)
    cli("pull", f"{debian.host}/two/parts:1").ok()
    [document] = json.loads(cli("image", "inspect", f"{debian.host}/two/parts:1").ok())
    assert document["RepoDigests"] == [f"{debian.host}/two/parts@{digest}"]
    cli("rmi", f"{debian.host}/two/parts:1").ok()
    assert cli.images() == [] and cli.layers() == []


def platforms(oci):
    """An index of two platforms; the layers of each."""
    arm = config([TWO], architecture="arm64")
    return [{**oci.manifest([ONE]), "platform": {"os": "linux", "architecture": "amd64"}},
            {**oci.manifest([TWO], image_config=arm), "platform": {"os": "linux", "architecture": "arm64"}}]


def test_an_image_of_another_platform_is_none(cli, debian):
    oci = Oci()
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": platforms(oci)}, OCI_INDEX)
    debian.push("both:1", oci.index(named(index, "x")))
    name = f"{debian.host}/both:1"
    cli("pull", "--platform", "linux/amd64", name).ok()
    cli("create", "--platform", "linux/amd64", "--pull", "never", name, "x").ok()
    assert "linux/arm64" in cli.refuse("create", "--platform", "linux/arm64", "--pull", "never", name, "x")
    assert "OS/ARCHITECTURE" in cli.refuse("create", "--platform", "foo", name, "x")
    one = cli("create", "--platform", "linux/arm64", name, "x").ok().strip()
    assert cli("image", "inspect", "-f", "{{.Architecture}}", name).ok() == "arm64\n"
    cli("rm", one).ok()


def test_the_platform_of_an_index(cli, debian):
    oci = Oci()
    index = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": platforms(oci)}, OCI_INDEX)
    digest = debian.push("many:1", oci.index(named(index, "x")))
    assert digest == index["digest"]
    cli("pull", "--platform", "linux/arm64", f"{debian.host}/many:1").ok()
    assert cli.layers() == [sha(TWO)]
    assert cli("images", "--digests", "--format", "{{.Digest}}").ok() == digest + "\n"  # what the registry calls it
    own = cli("pull", f"{debian.host}/many@{digest}").ok().strip()
    [document] = json.loads(cli("image", "inspect", f"{debian.host}/many@{digest}").ok())
    assert document["Id"] == "sha256:" + own and document["Architecture"] == OWN
    cli("pull", "--platform", "linux/amd64", f"{debian.host}/many@{digest}").ok()
    assert cli.layers() == sorted([sha(ONE), sha(TWO)])
    said = cli.refuse("pull", "--platform", "linux/s390x", f"{debian.host}/many:1")
    assert "no image for linux/s390x" in said and "linux/arm64" in said


def test_what_is_not_there(cli, debian):
    said = cli.refuse("pull", f"{debian.host}/box:absent")
    assert "404 Not Found" in said and "manifest unknown" in said and debian.host in said and "box" in said
    assert "404 Not Found" in cli.refuse("pull", f"{debian.host}/absent:1")
    assert "lower case" in cli.refuse("pull", f"{debian.host}/BOX")
    assert cli.images() == []


def test_nobody_there(cli):
    said = cli.refuse("pull", "127.0.0.1:1/box:1")
    assert "127.0.0.1" in said and "onnect" in said


def test_two_pulls_at_once_share_the_work(cli, debian):
    layer = tar(*[(entry(f"file{i}"), bytes([i]) * 100000) for i in range(50)])
    debian.push("shared:1", oci_image([layer, ONE]))
    before = len(debian.requests())
    both = [cli.start("pull", "-q", f"{debian.host}/shared:1") for _ in range(2)]
    answers = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    blobs = [line for line in debian.requests()[before:] if "/blobs/" in line]
    assert len(blobs) == 4, blobs  # two configurations, two layers
    cli.check_store()


def test_run_pulls_what_is_missing(cli, debian, box):
    name = f"{debian.host}/box:1"
    assert "No such image" in cli.refuse("run", "--pull", "never", name, "echo", status=125)
    done = cli("run", "--rm", name, "cat", "/etc/word")
    assert done.ok() == "from the registry\n"
    before = len(debian.requests())
    assert cli("run", "--rm", "--pull", "missing", name, "echo", "x").ok() == "x\n"
    assert debian.requests()[before:] == []
    assert cli("run", "--rm", "-q", "--pull=always", name, "echo", "x").ok() == "x\n"
    assert len(debian.requests()) > before
    cli("create", "--pull", "newer", "--name", "made", name).ok()


def test_newer_takes_what_is_there_when_the_registry_is_not(cli, debian, box):
    cli("pull", f"{debian.host}/box:1").ok()
    cli("tag", f"{debian.host}/box:1", "127.0.0.1:1/box:1").ok()
    assert cli("run", "--rm", "--pull=newer", "127.0.0.1:1/box:1", "echo", "x").ok() == "x\n"
    assert "127.0.0.1:1" in cli.refuse("run", "--pull=always", "127.0.0.1:1/box:1", status=125)


def test_offline_opens_no_connection(cli, serve):
    server = serve(lambda handler, asked: handler.reply(200, b"{}"))
    for words in (["pull", f"{server.host}/box:1"], ["run", f"{server.host}/box:1", "true"],
                  ["create", f"{server.host}/box:1"]):
        done = cli("--offline", *words)
        assert done.status != 0 and "--offline" in done.err and f"{server.host}/box" in done.err
    with open(cli.config / "corten/corten.conf", "a") as file:
        file.write("offline = true\n")
    assert "corten.conf" in cli.refuse("pull", f"{server.host}/box:1")
    assert server.asked == []


def test_a_name_moves_to_the_newer_image(cli, debian):
    debian.push("moving:1", oci_image([ONE]))
    first = cli("pull", f"{debian.host}/moving:1").ok()
    debian.push("moving:1", oci_image([TWO]))
    second = cli("pull", f"{debian.host}/moving:1").ok()
    assert first != second
    named_ = [image["ID"] for image in cli.images() if image["Tag"] == "1"]
    assert named_ == ["sha256:" + second.strip()]
    assert cli("pull", "--policy", "missing", f"{debian.host}/moving:1").ok() == second


def test_only_corten_remote_links_what_speaks_to_networks():
    from engine import BIN
    for name in ("corten", "corten-image"):
        needed = subprocess.run(["readelf", "-d", BIN / name], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert "libcurl" not in needed and "libssl" not in needed, name


@pytest.mark.parametrize("words", [["pull"], ["login", "--username", "me", "--password-stdin"], ["run", "--pull", "always"]])
def test_a_word_that_turns_tls_neither_on_nor_off(cli, words):
    operand = "127.0.0.1:1" if words[0] == "login" else "127.0.0.1:1/box:1"
    said = cli.refuse(*words, "--tls-verify", "maybe", operand, status=125 if words[0] == "run" else 1, stdin="secret")
    assert "--tls-verify is true or false, not 'maybe'" in said
