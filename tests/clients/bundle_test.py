"""`corten image bundle`: runc, crun and corten-runtime run what it unpacks, and all say the same."""
import hashlib
import io
import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from image_archives_test import ask, merged, tree, without_folder_times
from place import cgroup_folders, image_tar, remove_cgroup

REPO = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers"))
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")).resolve()
RUNTIMES = ["stable:/usr/sbin/runc", "stable:/usr/bin/crun", "sid:/usr/sbin/runc", "sid:/usr/bin/crun",
            "stable:/usr/local/bin/corten-runtime"]
CAPABILITY = (bytes([1, 0, 0, 2]) + bytes([0, 4, 0, 0]) + bytes(12)).decode("latin-1")
SCRIPT = """id; pwd; hostname; env | sort; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ls -ln / /srv /etc | grep -Ev " (dev|proc|sys)$"
cat /etc/motd; echo "$0 $*"; cat /proc/self/uid_map; ls /proc/acpi /sys/firmware; echo no > /proc/sys/kernel/hostname
readlink /proc/self/root; cat /proc/net/dev | wc -l; exit 7"""


@pytest.fixture(autouse=True)
def nothing_left():
    """No engine runs here."""


def upper_layer():
    """Above image_tar(): files gone, a folder emptied, and what is easily lost when trees are copied."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, data=b"", kind=tarfile.REGTYPE, **fields):
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.mode, entry.mtime = kind, len(data), 0o644, 1000000000
            for key, value in fields.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))

        add("etc/motd", b"hello of the upper layer\n", pax_headers={"SCHILY.xattr.user.note": "kept"})
        add("srv/.wh..wh..opq")
        add("srv/tool", b"#!/bin/sh\n", mode=0o6755, uid=1000, gid=2000)
        add("srv/hard", kind=tarfile.LNKTYPE, linkname="srv/tool")
        add("srv/cap", b"c", mode=0o755, pax_headers={"SCHILY.xattr.security.capability": CAPABILITY, "mtime": "1234567890.25"})
        add("srv/soft", kind=tarfile.SYMTYPE, linkname="/etc/absent")
        add("srv/pipe", kind=tarfile.FIFOTYPE)
        add("srv/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
        add(".wh.var")
        add("etc/.wh.absent")
    return out.getvalue()


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store of one image, loaded from an old docker-archive."""
    folder = tmp_path_factory.mktemp("bundles")
    layers = [image_tar(PEERS / "stable" / "bin" / "busybox"), upper_layer()]
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine], "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(layer) for layer in layers]},
        "config": {"Env": ["PATH=/usr/bin:/bin", "WORD=of the image"], "Entrypoint": ["/bin/sh", "-c", SCRIPT],
                   "Cmd": ["zero", "one two"], "User": "app:extra", "WorkingDir": "/srv"}}).encode()
    listed = json.dumps([{"Config": "c.json", "RepoTags": ["bundled:1"], "Layers": ["0.tar", "1.tar"]}]).encode()
    with tarfile.open(folder / "in.tar", "w") as tar:
        for name, data in (("c.json", config), ("manifest.json", listed), ("0.tar", layers[0]), ("1.tar", layers[1])):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    ask(folder / "store", "load", folder / "in.tar")
    return folder


def corten(place, *words, **options):
    env = {**os.environ, "CORTEN_ROOT": str(place / "store"), "CORTEN_STATE": str(place / "state"), "CORTEN_LIBEXEC": str(BIN)}
    return subprocess.run([BIN / "corten", *map(str, words)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options)


@pytest.fixture(scope="module")
def bundle(place):
    done = corten(place, "image", "bundle", "bundled:1", place / "bundle")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return place / "bundle"


def test_the_tree_is_the_layers_merged(place, bundle):
    assert sorted(os.listdir(bundle)) == ["config.json", "rootfs"]
    got = tree(bundle / "rootfs")
    assert got == merged(place / "store", ask(place / "store", "find", "bundled:1")["layer"])
    assert "var" not in got and "srv/crlf" not in got and got["srv/cap"][3] == 1234567890
    assert (bundle / "rootfs/srv/cap").stat().st_mtime_ns == 1234567890250000000
    assert os.getxattr(bundle / "rootfs/srv/cap", "security.capability") == CAPABILITY.encode("latin-1")
    assert os.getxattr(bundle / "rootfs/etc/motd", "user.note") == b"kept"
    assert not [name for name in got if "user.overlay" in str(os.listxattr(bundle / "rootfs" / name, follow_symlinks=False))]
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o700


@pytest.fixture(scope="module")
def said(bundle):
    """What the image's command prints under each runtime."""
    out = {}
    for runtime in RUNTIMES:
        root, path = runtime.split(":")
        group = f"corten-bundle-{os.getpid()}"
        binds = ["--bind", f"{bundle}:/bundle"]
        if "corten" in path:
            binds += ["--ro-bind", f"{BIN}/corten-runtime:{path}"]
        try:
            done = subprocess.run([REPO / "tools" / "in-peer-root", "--net", "--pid", "--cgroup", "legacy", "--own-cgroup", group,
                                   *binds, "--cwd", "/bundle", PEERS / root, path, "run", "bundled"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        finally:
            for folder in cgroup_folders(group):
                remove_cgroup(folder)
        out[runtime] = done.returncode, done.stdout, done.stderr
    return out


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_says_the_same(said, runtime):
    status, text, errors = said[runtime]
    assert status == 7, said[runtime]
    assert "uid=1000(app) gid=2000(extra) groups=2000(extra)\n/srv\ncorten\n" in text
    assert "WORD=of the image\n" in text and "HOME=/home/app\n" in text and "hello of the upper layer\nzero one two\n" in text
    assert "CapBnd:\t00000000a80425fb\n" in text and "Seccomp:\t2\n" in text
    assert "Read-only file system" in errors
    want = said[RUNTIMES[-1]]
    assert text == want[1] and errors == want[2]


def test_wrong_calls(place, bundle):
    for words, status, text in (
            (["image", "bundle", "absent:1", place / "other"], 1, "No such image: absent:1"),
            (["image", "bundle", "bundled:1", bundle], 1, "is not empty"),
            (["image", "bundle", "bundled:1", place / "in.tar"], 1, "Not a directory"),
            (["image", "bundle", "bundled:1", place / "absent" / "b"], 1, "No such file"),
            (["image", "bundle", "bundled:1"], 125, "2 arguments")):
        done = corten(place, *words)
        assert done.returncode != 0 and text in done.stderr, done
    assert sorted(p.name for p in place.iterdir() if p.name not in ("store", "state")) == ["bundle", "in.tar"]


def test_a_folder_that_is_there_and_empty(place):
    folder = place / "empty"
    folder.mkdir()
    assert corten(place, "image", "bundle", "bundled:1", "empty/", cwd=place).returncode == 0
    assert without_folder_times(tree(folder / "rootfs")) == without_folder_times(tree(place / "bundle" / "rootfs"))


def test_a_full_disk(place):
    """Nothing of it is left, and the command says what did not fit."""
    small = place / "small"
    small.mkdir()
    env = {**os.environ, "CORTEN_ROOT": str(place / "store"), "CORTEN_STATE": str(place / "state"), "CORTEN_LIBEXEC": str(BIN)}
    script = 'mount -t tmpfs -o size=500k none "$0" || exit 9; "$@"; echo status $?; ls -A "$0" | wc -l'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, small, BIN / "corten", "image", "bundle", "bundled:1",
                           small / "b"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    assert "No space left" in done.stdout and "bin/busybox" in done.stdout and done.stdout.endswith("status 1\n0\n"), done.stdout
    small.rmdir()
