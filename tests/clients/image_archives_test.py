"""Archives that skopeo, umoci and podman write: each loads, and lies on disk as umoci itself unpacks it."""
import os
import pickle
import stat
import subprocess
from pathlib import Path

import pytest

from place import image_tar, oci_archive

REPO = Path(__file__).resolve().parents[2]
PEER_ROOT = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers")) / "stable"
PROGRAM = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")) / "corten-image"
TOOL = REPO / "build" / ("asan" if PROGRAM.parent.name.endswith("-asan") else "dev") / "tests" / "image" / "store-tool"
TIMEOUT_S = 120

MAKE = """
set -e
cd /scratch
umoci init --layout layout
umoci new --image layout:one
umoci unpack --image layout:one bundle
mkdir -p bundle/rootfs/bin bundle/rootfs/etc bundle/rootfs/var/lib
cp /bin/busybox bundle/rootfs/bin/
chmod 4755 bundle/rootfs/bin/busybox
ln -s busybox bundle/rootfs/bin/sh
ln bundle/rootfs/bin/busybox bundle/rootfs/bin/hard
echo old > bundle/rootfs/etc/gone
echo kept > bundle/rootfs/etc/kept
echo below > bundle/rootfs/var/lib/below
chown 1000:1001 bundle/rootfs/etc/kept
touch -d 2001-02-03T04:05:06Z bundle/rootfs/etc/kept bundle/rootfs/etc
umoci repack --refresh-bundle --image layout:one bundle
rm bundle/rootfs/etc/gone
rm -r bundle/rootfs/var/lib
echo new > bundle/rootfs/etc/new
touch -d 2002-03-04T05:06:07Z bundle/rootfs/etc
umoci repack --image layout:two bundle
umoci config --image layout:two --config.cmd /bin/sh --config.env A=b --config.workingdir /etc
umoci unpack --image layout:two again
skopeo copy -q oci:layout:two docker-archive:docker.tar:example/two:2
skopeo copy -q oci:layout:two oci-archive:oci.tar:example/two:2
gzip -k docker.tar
chown -R 0:0 layout
"""


def in_peer_root(scratch, script):
    subprocess.run([REPO / "tools" / "in-peer-root", "--bind", f"{scratch}:/scratch", PEER_ROOT, "sh", "-c", script],
                   check=True, timeout=TIMEOUT_S, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("archives")
    in_peer_root(scratch, MAKE)
    return scratch


def ask(root, *args):
    done = subprocess.run([TOOL, root, PROGRAM, *args], stdout=subprocess.PIPE, timeout=TIMEOUT_S, text=True)
    assert done.returncode == 0, done.stdout
    answer = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        answer.setdefault(key, []).append(value)
    return answer


def tree(top):
    """All that matters of a tree, by name."""
    out = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = Path(folder) / name
            st = path.lstat()
            content = (os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None)
            out[str(path.relative_to(top))] = (st.st_mode, st.st_uid, st.st_gid, int(st.st_mtime), content,
                                               st.st_nlink if path.is_file() else 0)
    return out


def without_folder_times(found):
    return {name: (*facts[:3], None if stat.S_ISDIR(facts[0]) else facts[3], *facts[4:]) for name, facts in found.items()}


def merged(root, layers):
    """The layers as one tree, by overlay, in a mount namespace of its own."""
    lower = ":".join(f"layers/{layer}/diff" for layer in reversed(layers))
    script = ('import os, pickle, subprocess, sys; sys.path.insert(0, sys.argv[1]); '
              'from image_archives_test import tree; os.chdir(sys.argv[2]); os.mkdir("merged"); '
              'subprocess.run(["mount", "-t", "overlay", "none", "-o", "lowerdir=" + sys.argv[3], "merged"], check=True); '
              'sys.stdout.buffer.write(pickle.dumps(tree("merged")))')
    done = subprocess.run(["unshare", "-m", "/usr/bin/python3", "-c", script, str(Path(__file__).parent), str(root),
                           lower], stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    (root / "merged").rmdir()
    return pickle.loads(done.stdout)


@pytest.mark.parametrize("name, names", [
    ("docker.tar", ["docker.io/example/two:2"]), ("docker.tar.gz", ["docker.io/example/two:2"]),
    ("oci.tar", ["docker.io/example/two:2"]), ("layout", ["localhost/one:latest", "localhost/two:latest"])])
def test_skopeo_and_umoci(archives, tmp_path, name, names):
    root = tmp_path / "store"
    assert ask(root, "load", archives / name)["name"] == names
    found = ask(root, "find", names[-1])
    assert found["cmd"] == ["/bin/sh"] and found["env"][-1] == "A=b" and found["workdir"] == ["/etc"]
    assert len(found["layer"]) == 2
    got = merged(root, found["layer"])
    want = tree(archives / "again" / "rootfs")
    assert "etc/gone" not in want and "var/lib/below" not in want
    assert got["etc"][3] == 1015218367
    # umoci itself sets a folder's time before it carries out the whiteouts in it.
    assert without_folder_times(got) == without_folder_times(want)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_podman_save(podman, tmp_path, form):
    """The image that the other tests of this folder run."""
    target = podman.scratch / f"saved-{form}.tar"
    podman("save", "--format", form, "-o", f"/scratch/{target.name}", "box")
    loaded = ask(tmp_path / "store", "load", target)
    found = ask(tmp_path / "store", "find", loaded["image"][0])
    assert found["name"] and found["layer"]
    layer = tmp_path / "store" / "layers" / found["layer"][0] / "diff"
    assert (layer / "bin" / "busybox").read_bytes() == (PEER_ROOT / "bin" / "busybox").read_bytes()


# --- the other way: what Corten saves ---

FORMS = {"docker-archive": 0, "oci-archive": 1, "docker-dir": 2, "oci-dir": 3}
PACKINGS = {"none": 0, "gzip": 1, "zstd": 2}


def save(root, target, form, packing, *names):
    if form.endswith("-dir"):
        target.mkdir()
    done = subprocess.run([TOOL, root, PROGRAM, "save", target, str(FORMS[form]), str(PACKINGS[packing]), *names],
                          stdout=subprocess.PIPE, timeout=TIMEOUT_S, text=True)
    assert done.returncode == 0, done.stdout
    return target


@pytest.fixture(scope="module")
def saved(archives, tmp_path_factory):
    """The image of two layers in every form, where the private root sees them; and its id."""
    root = tmp_path_factory.mktemp("store") / "store"
    image = ask(root, "load", archives / "docker.tar")["image"][0]
    for form, packing in (("docker-archive", "none"), ("docker-archive", "gzip"), ("oci-archive", "gzip"),
                          ("oci-archive", "zstd"), ("oci-dir", "none"), ("docker-dir", "gzip")):
        save(root, archives / f"{form}.{packing}", form, packing, "example/two:2")
    return image


@pytest.mark.parametrize("source", ["docker-archive:docker-archive.none", "docker-archive:docker-archive.gzip",
                                    "oci-archive:docker-archive.none", "oci-archive:oci-archive.gzip",
                                    "oci-archive:oci-archive.zstd", "oci:oci-dir.none", "dir:docker-dir.gzip"])
def test_skopeo_and_umoci_read_what_is_saved(archives, saved, source):
    """The configuration is the same to the byte, and umoci unpacks the same tree as of its own layout."""
    in_peer_root(archives, f"""
set -e
cd /scratch
rm -rf read read-bundle read-config
skopeo inspect --config --raw {source} > read-config
test "$(sha256sum < read-config)" = "{saved}  -"
skopeo copy -q --dest-compress --dest-compress-format gzip {source} oci:read:it
umoci unpack --image read:it read-bundle
""")
    assert tree(archives / "read-bundle" / "rootfs") == tree(archives / "again" / "rootfs")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A store with an image that runs; saves it under a name."""
    folder = tmp_path_factory.mktemp("box")
    name = "docker.io/example/saved:1"
    (folder / "box.tar").write_bytes(oci_archive(image_tar(PEER_ROOT / "bin" / "busybox"), name))
    image = ask(folder / "store", "load", folder / "box.tar")["image"][0]
    return lambda target, form, packing: (save(folder / "store", target, form, packing, name), image)


@pytest.mark.parametrize("form, packing", [("docker-archive", "none"), ("docker-archive", "gzip"), ("oci-archive", "gzip"),
                                           ("oci-archive", "zstd"), ("oci-dir", "gzip")])
def test_podman_runs_what_is_saved(podman, box, form, packing):
    target, image = box(podman.scratch / f"to-podman-{form}-{packing}", form, packing)
    loaded = podman("load", "-q", "-i", f"/scratch/{target.name}").split()[-1]
    assert loaded == "docker.io/example/saved:1" or form == "oci-dir", "podman names a folder's image by the folder"
    assert podman("inspect", "--format", "{{.Id}}", loaded).strip() == image
    assert podman("run", "--rm", loaded, "sh", "-c", "ls /bin/busybox; stat -c %u /home/app") == (
        "/bin/busybox\n1000\n")
    podman("rmi", loaded)


@pytest.mark.parametrize("packing", ["none", "gzip"])
def test_docker_runs_what_is_saved(docker, box, packing):
    target, image = box(docker.scratch / f"to-docker-{packing}", "docker-archive", packing)
    assert docker("load", "-i", f"/scratch/{target.name}") == "Loaded image: example/saved:1\n"
    assert docker.inspect("example/saved:1", "{{.Id}}") == "sha256:" + image
    assert docker("run", "--rm", "example/saved:1", "stat", "-c", "%u", "/home/app") == "1000\n"
    docker("rmi", "example/saved:1")


@pytest.mark.parametrize("form, packing", [("docker-archive", "none"), ("oci-archive", "zstd")])
def test_containerd_runs_what_is_saved(ctr, box, form, packing):
    target, _ = box(ctr.scratch / f"to-containerd-{form}", form, packing)
    ctr("images", "import", f"/scratch/{target.name}")
    assert ctr.said("run", "--rm", "docker.io/example/saved:1", "saved", "stat", "-c", "%u", "/home/app") == "1000\n"
    ctr("images", "rm", "docker.io/example/saved:1")
