"""Images that skopeo and Podman push to Debian's registry: pulled, run, and of the digests that they had."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "registry"), str(HERE.parent / "lib"), str(HERE.parent / "image")]

from archives import config, gz, named, Oci, OCI_LAYER, write_folder, zstd  # noqa: E402
from engine import make_engine  # noqa: E402
from registries import Debian  # noqa: E402

REPO = HERE.parents[1]
PEER_ROOT = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers")) / "stable"
TIMEOUT_S = 120


def busybox_layer():
    """The layer of tests/registry."""
    import tarfile
    from archives import entry, tar
    import shutil
    links = [entry("bin/" + name, tarfile.SYMTYPE, linkname="busybox") for name in ("sh", "cat", "echo")]
    return tar("bin/", (entry("bin/busybox", mode=0o755), Path(shutil.which("busybox")).read_bytes()), *links, "dev/",
               "proc/", "sys/", "etc/", ("etc/word", "from the registry\n"), "tmp/")


def in_peer_root(scratch, script):
    done = subprocess.run([REPO / "tools" / "in-peer-root", "--bind", f"{scratch}:/scratch", PEER_ROOT, "sh", "-ec", script],
                          timeout=TIMEOUT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def engine():
    made = make_engine()
    (made.config / "corten" / "corten.conf").write_text(f"cgroup-parent = {made.parent}\n")
    made.env |= {"HOME": str(made.folder / "home"), "XDG_RUNTIME_DIR": str(made.folder / "run")}
    yield made
    made.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    made = Debian(tmp_path_factory.mktemp("registry"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """An OCI layout of one image, gzip as most are."""
    folder = tmp_path_factory.mktemp("scratch")
    layer = busybox_layer()
    oci = Oci()
    descriptor = oci.manifest([layer], image_config=config([layer]), packed=[gz(layer)], media_type=OCI_LAYER + "+gzip")
    write_folder(folder / "layout", oci.index(named(descriptor, "one")))
    return folder


def pulled(engine, registry, name):
    """Pulls and runs; the digest of the repository."""
    full = f"{registry.host}/{name}"
    engine("pull", full).ok()
    assert engine("run", "--rm", full, "cat", "/etc/word").ok() == "from the registry\n"
    [document] = json.loads(engine("image", "inspect", full).ok())
    found = [digest for digest in document["RepoDigests"] if digest.startswith(full.rpartition(":")[0] + "@")]
    assert len(found) == 1, document["RepoDigests"]
    return found[0].partition("@")[2]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_pushed_by_skopeo(engine, registry, scratch, form):
    name = f"skopeo/{form}:1"
    in_peer_root(scratch, f"skopeo copy -q --format {form} --dest-tls-verify=false oci:/scratch/layout:one docker://{registry.host}/{name}")
    said = json.loads(in_peer_root(scratch, f"skopeo inspect --tls-verify=false docker://{registry.host}/{name}"))
    assert pulled(engine, registry, name) == said["Digest"]


def test_pushed_by_skopeo_as_zstd(engine, registry, scratch):
    name = "skopeo/zstd:1"
    in_peer_root(scratch, f"skopeo copy -q --dest-compress-format zstd --dest-tls-verify=false oci:/scratch/layout:one "
                          f"docker://{registry.host}/{name}")
    pulled(engine, registry, name)


def test_an_index_pushed_by_skopeo(engine, registry, scratch):
    oci = Oci()
    layer = busybox_layer()
    wanted = {**oci.manifest([layer], packed=[zstd(layer)], media_type=OCI_LAYER + "+zstd"),
              "platform": {"os": "linux", "architecture": "amd64"}}
    other = {**oci.manifest([layer], image_config=config([layer], architecture="arm64")),
             "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    top = oci.blob({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [other, wanted]},
                   "application/vnd.oci.image.index.v1+json")
    write_folder(scratch / "index", oci.index(named(top, "many")))
    in_peer_root(scratch, f"skopeo copy -q --all --preserve-digests --dest-tls-verify=false oci:/scratch/index:many docker://{registry.host}/skopeo/index:1")
    assert pulled(engine, registry, "skopeo/index:1") == top["digest"]


def test_pushed_by_podman(engine, registry, scratch):
    name = f"{registry.host}/podman/box:1"
    in_peer_root(scratch, f"""
        podman() {{ command podman --root /scratch/podman --runroot /scratch/run --storage-driver vfs --cgroup-manager cgroupfs "$@"; }}
        id=$(podman pull -q oci:/scratch/layout:one)
        podman tag "$id" {name}
        podman push -q --tls-verify=false --digestfile /scratch/digest {name}
        """)
    assert pulled(engine, registry, "podman/box:1") == (scratch / "digest").read_text().strip()


def test_a_login_of_podman_is_one_of_cortens(engine, scratch, tmp_path):
    """Each finds what the other has written."""
    import crypt
    from registries import basic
    passwords = tmp_path / "htpasswd"
    passwords.write_text("me:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)) + "\n")
    registry = Debian(tmp_path / "registry", auth=f"auth: {{htpasswd: {{realm: here, path: {passwords}}}}}")
    try:
        file = scratch / "auth.json"
        in_peer_root(scratch, f"echo secret | podman login --tls-verify=false --authfile /scratch/auth.json -u me --password-stdin {registry.host}")
        assert engine("login", "--authfile", file, "--get-login", registry.host).ok() == "me\n"
        engine("logout", "--authfile", file, registry.host).ok()
        engine("login", "--authfile", file, "-u", "me", "-p", "secret", registry.host).ok()
        assert in_peer_root(scratch, f"podman login --authfile /scratch/auth.json --get-login {registry.host}") == "me\n"
        assert json.loads(file.read_text())["auths"][registry.host]["auth"] == basic("me", "secret").split()[1]
    finally:
        registry.close()
