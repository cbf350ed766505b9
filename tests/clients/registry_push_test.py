"""Images that Corten pushes to Debian's registry: skopeo, Podman, Docker and containerd pull them, by equal digests."""
import json

import pytest

from registry_test import engine, in_peer_root, registry, scratch  # noqa: F401 (fixtures)
from archives import config, entry, gz, named, Oci, OCI_LAYER, tar, write_folder


def load(engine, folder, name, layers, **more):
    """An image of these layers as `name`; its digest in the layout."""
    oci = Oci()
    text = config(layers, **more)
    descriptor = oci.manifest(layers, image_config=text, packed=[gz(layer) for layer in layers], media_type=OCI_LAYER + "+gzip")
    write_folder(folder, oci.index(named(descriptor, name)))
    engine("load", "-q", "-i", folder).ok()
    return descriptor["digest"]


@pytest.fixture(scope="module", params=["oci", "v2s2"])
def pushed(request, engine, registry, tmp_path_factory):  # noqa: F811
    """(name, digest, id) of an image that Corten has packed and pushed."""
    from registry_test import busybox_layer
    name = f"{registry.host}/corten/{request.param}:1"
    load(engine, tmp_path_factory.mktemp("layout"), name, [busybox_layer()])
    line = engine("push", "--format", request.param, name).ok().splitlines()[-1]
    image_id = json.loads(engine("image", "inspect", name).ok())[0]["Id"]
    return name, line.split()[2], image_id


@pytest.fixture(scope="module")
def reach(registry):  # noqa: F811
    """Lets those in a place with a network of its own reach the registry."""
    made = {}

    def start(place):
        pid = place.enter[2]
        if pid not in made:
            made[pid] = registry.inside(pid)
    yield start
    for process in made.values():
        process.terminate()
        process.wait()


def test_by_skopeo(pushed, scratch):  # noqa: F811
    name, digest, image_id = pushed
    said = json.loads(in_peer_root(scratch, f"skopeo inspect --tls-verify=false docker://{name}"))
    assert said["Digest"] == digest
    raw = in_peer_root(scratch, f"skopeo inspect --raw --tls-verify=false docker://{name}")
    assert json.loads(raw)["config"]["digest"] == "sha256:" + image_id.removeprefix("sha256:")
    folder = "copy-" + name.rpartition("/")[2].partition(":")[0]
    # It checks each blob against its digest, and each layer against its diff-id.
    in_peer_root(scratch, f"skopeo copy -q --preserve-digests --src-tls-verify=false docker://{name} dir:/scratch/{folder}")
    assert (scratch / folder / "manifest.json").read_text() == raw


def test_by_podman(pushed, scratch):  # noqa: F811
    name, digest, image_id = pushed
    folder = "podman-" + name.rpartition("/")[2].partition(":")[0]
    said = in_peer_root(scratch, f"""
        podman() {{ command podman --root /scratch/{folder} --runroot /scratch/run-{folder} --storage-driver vfs --cgroup-manager cgroupfs "$@"; }}
        podman pull -q --tls-verify=false {name} >/dev/null
        podman image inspect --format '{{{{.Id}}}} {{{{.Digest}}}}' {name}
        """).split()
    assert said[-2:] == [image_id.removeprefix("sha256:"), digest]


def test_by_docker(pushed, docker, reach):
    name, digest, image_id = pushed
    reach(docker)
    assert f"Digest: {digest}" in docker("pull", name)
    said = json.loads(docker("image", "inspect", name))[0]
    assert said["Id"].removeprefix("sha256:") == image_id.removeprefix("sha256:")
    assert name.rpartition(":")[0] + "@" + digest in said["RepoDigests"]
    assert docker("run", "--rm", name, "cat", "/etc/word") == "from the registry\n"


def test_by_containerd(pushed, ctr, reach):
    name, digest, _ = pushed
    reach(ctr)
    ctr("images", "pull", "--plain-http", name)
    assert digest in ctr("images", "ls", f"name=={name}")
    assert ctr.said("run", "--rm", name, "pushed", "cat", "/etc/word") == "from the registry\n"


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_pushed_by_skopeo_pulled_and_pushed_again(engine, registry, scratch, form):  # noqa: F811
    """Nothing changed: the digest is the same in another repository."""
    name, other = (f"{registry.host}/unchanged/{form}-{part}:1" for part in ("one", "two"))
    layer = tar((entry("etc/form"), form))
    oci = Oci()
    descriptor = oci.manifest([layer], packed=[gz(layer)], media_type=OCI_LAYER + "+gzip")
    write_folder(scratch / form, oci.index(named(descriptor, "one")))
    in_peer_root(scratch, f"skopeo copy -q --format {form} --dest-tls-verify=false oci:/scratch/{form}:one docker://{name}")
    engine("pull", name).ok()
    engine("push", name, other).ok()
    digests = [json.loads(in_peer_root(scratch, f"skopeo inspect --tls-verify=false docker://{one}"))["Digest"]
               for one in (name, other)]
    assert digests[0] == digests[1]


def test_a_pushed_image_is_the_same_when_it_comes_back(engine, registry, pushed):  # noqa: F811
    name, digest, image_id = pushed
    engine("rmi", "-f", name).ok()
    engine("pull", name).ok()
    said = json.loads(engine("image", "inspect", name).ok())[0]
    assert said["Id"] == image_id and name.rpartition(":")[0] + "@" + digest in said["RepoDigests"]
