"""What Corten says of images in registries, and what it copies, compared with skopeo."""
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "registry"), str(HERE.parent / "lib"), str(HERE.parent / "image")]

from archives import OCI_INDEX, OCI_LAYER, Oci, config, gz, named, write_folder  # noqa: E402
from registry_test import busybox_layer, engine, in_peer_root, registry, scratch  # noqa: E402, F401


def as_is(name, media_type="oci"):
    return f"skopeo copy -q --format {media_type} --dest-tls-verify=false oci:/scratch/layout:one docker://{name}"


def skopeo(scratch, words):  # noqa: F811
    return in_peer_root(scratch, "skopeo " + words)


@pytest.fixture(scope="module")
def index(scratch, registry):  # noqa: F811
    """An index of two platforms in the registry."""
    oci = Oci()
    layer = busybox_layer()
    parts = [{**oci.manifest([layer], image_config=config([layer], architecture=machine, config={"Labels": {"machine": machine}},
                                                          docker_version="26.1", author="me"),
                             packed=[gz(layer)], media_type=OCI_LAYER + "+gzip", annotations={"which": machine}),
              "platform": {"os": "linux", "architecture": machine}} for machine in ("arm64", "amd64")]
    top = oci.blob({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": parts}, OCI_INDEX)
    write_folder(scratch / "two", oci.index(named(top, "many")))
    name = f"{registry.host}/two/platforms:1"
    skopeo(scratch, f"copy -q --all --preserve-digests --dest-tls-verify=false oci:/scratch/two:many docker://{name}")
    return name


def compare(engine, scratch, name, override="", words=()):  # noqa: F811
    theirs = json.loads(skopeo(scratch, f"{override} inspect --tls-verify=false docker://{name}"))
    ours = json.loads(engine("image", "inspect", *words, f"docker://{name}").ok())
    theirs["RepoTags"].sort()
    ours["RepoTags"].sort()
    # Debian's skopeo has no LayersData: newer ones have, and so has Corten.
    for document in (theirs, ours):
        data = document.pop("LayersData", None)
        assert data is None or [one["Digest"] for one in data] == document["Layers"]
    assert ours == theirs
    return ours


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_inspect(engine, registry, scratch, form):  # noqa: F811
    name = f"{registry.host}/inspected/{form}:1"
    in_peer_root(scratch, as_is(name, form))
    compare(engine, scratch, name)
    assert engine("image", "inspect", "--raw", f"docker://{name}").ok() == \
        skopeo(scratch, f"inspect --raw --tls-verify=false docker://{name}")
    assert engine("image", "inspect", "--raw", "--config", f"docker://{name}").ok() == \
        skopeo(scratch, f"inspect --raw --config --tls-verify=false docker://{name}")
    theirs = json.loads(skopeo(scratch, f"inspect --config --tls-verify=false docker://{name}"))
    assert json.loads(engine("image", "inspect", "--config", f"docker://{name}").ok()) == theirs
    template = "'{{.Name}} {{.Digest}} {{.Architecture}} {{index .RepoTags 0}}'"
    assert engine("image", "inspect", "--format", template.strip("'"), f"docker://{name}").ok() == \
        skopeo(scratch, f"inspect --format {template} --tls-verify=false docker://{name}")


@pytest.mark.parametrize("machine", ["amd64", "arm64"])
def test_inspect_an_index(engine, index, scratch, machine):  # noqa: F811
    document = compare(engine, scratch, index, f"--override-arch {machine}", ["--platform", f"linux/{machine}"])
    assert document["Architecture"] == machine and document["Labels"] == {"machine": machine}


def test_list_tags(engine, registry, scratch):  # noqa: F811
    for tag in ("b", "a", "c.1"):
        in_peer_root(scratch, as_is(f"{registry.host}/listed:{tag}"))
    theirs = json.loads(skopeo(scratch, f"list-tags --tls-verify=false docker://{registry.host}/listed"))
    ours = json.loads(engine("image", "tags", "--format", "json", f"{registry.host}/listed").ok())
    assert (ours["Repository"], sorted(ours["Tags"])) == (theirs["Repository"], sorted(theirs["Tags"]))


# ---- copy: what one writes the other reads, with the same digests ----

def digest_of(scratch, place, words=""):  # noqa: F811
    """What skopeo calls an image somewhere."""
    return skopeo(scratch, f"inspect {words} --format '{{{{.Digest}}}}' {place}").strip()


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_skopeo_reads_what_is_copied(engine, registry, scratch, form):  # noqa: F811
    name = f"{registry.host}/copied/{form}:1"
    in_peer_root(scratch, as_is(name))
    wanted = json.loads(skopeo(scratch, f"inspect --tls-verify=false docker://{name}"))
    out = f"out-{form}"
    inside = f"{form}:/scratch/{out}:{'box:1' if form == 'docker-archive' else 'one'}"
    digest = engine("image", "copy", "-q", f"docker://{name}", inside.replace("/scratch", str(scratch))).ok().strip()
    assert digest == wanted["Digest"]
    document = json.loads(skopeo(scratch, f"inspect {inside}"))
    if form == "docker-archive":  # skopeo unpacks its layers and makes a manifest of its own
        config_of = json.loads(skopeo(scratch, f"inspect --tls-verify=false --config docker://{name}"))
        assert document["Layers"] == config_of["rootfs"]["diff_ids"]
    else:
        assert (document["Digest"], document["Layers"]) == (digest, wanted["Layers"])
    assert document["Labels"] == wanted["Labels"] and document["Created"] == wanted["Created"]


def test_skopeo_reads_a_copied_folder(engine, scratch):  # noqa: F811
    digest = engine("image", "copy", "-q", f"oci:{scratch}/layout:one", f"dir:{scratch}/out-dir").ok().strip()
    assert digest_of(scratch, "dir:/scratch/out-dir") == digest == digest_of(scratch, "oci:/scratch/layout:one")
    skopeo(scratch, "copy -q dir:/scratch/out-dir oci:/scratch/from-dir:one")
    assert digest_of(scratch, "oci:/scratch/from-dir:one") == digest


def test_a_whole_index(engine, index, scratch):  # noqa: F811
    digest = engine("image", "copy", "-q", "--all", f"docker://{index}", f"oci:{scratch}/out-index:many").ok().strip()
    assert digest == digest_of(scratch, f"docker://{index}", "--tls-verify=false")
    for machine in ("amd64", "arm64"):
        document = json.loads(skopeo(scratch, f"--override-arch {machine} inspect oci:/scratch/out-index:many"))
        assert document["Digest"] == digest and document["Labels"] == {"machine": machine}
    skopeo(scratch, "copy -q --all oci:/scratch/out-index:many dir:/scratch/index-dir")
    engine("image", "copy", "-q", "--all", f"oci:{scratch}/out-index:many", f"dir:{scratch}/own-dir").ok()
    theirs, ours = ({path.name: path.read_bytes() for path in (scratch / name).iterdir()} for name in ("index-dir", "own-dir"))
    assert ours == theirs


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_what_skopeo_writes(engine, registry, scratch, form):  # noqa: F811
    skopeo(scratch, f"copy -q oci:/scratch/layout:one {form}:/scratch/theirs-{form}:{'box:1' if form == 'docker-archive' else 'one'}")
    digest = engine("image", "copy", "-q", f"{form}:{scratch}/theirs-{form}", f"oci:{scratch}/again-{form}:one").ok().strip()
    document = json.loads(skopeo(scratch, f"inspect oci:/scratch/again-{form}:one"))
    assert document["Digest"] == digest
    original = json.loads(skopeo(scratch, "inspect --config oci:/scratch/layout:one"))
    assert json.loads(skopeo(scratch, f"inspect --config oci:/scratch/again-{form}:one")) == original
    if form == "oci-archive":
        assert digest == digest_of(scratch, "oci:/scratch/layout:one")


def test_between_registries(engine, index, registry, scratch):  # noqa: F811
    digest = engine("image", "copy", "-q", "--all", f"docker://{index}", f"docker://{registry.host}/ours/index:1").ok().strip()
    skopeo(scratch, f"copy -q --all --src-tls-verify=false --dest-tls-verify=false docker://{index} docker://{registry.host}/theirs/index:1")
    for name in ("ours", "theirs"):
        assert digest_of(scratch, f"docker://{registry.host}/{name}/index:1", "--tls-verify=false") == digest
    one = engine("image", "copy", "-q", "--platform", "linux/arm64", f"docker://{index}", f"docker://{registry.host}/ours/one:1").ok().strip()
    skopeo(scratch, "--override-arch arm64 copy -q --src-tls-verify=false --dest-tls-verify=false "
                    f"docker://{index} docker://{registry.host}/theirs/one:1")
    assert digest_of(scratch, f"docker://{registry.host}/theirs/one:1", "--tls-verify=false") == one
