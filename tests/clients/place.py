"""Where other people's engines run: a private root of tools/peers, in namespaces and control groups of its own.

CORTEN_BIN names the folder of programs. CORTEN_RUNTIME names another runtime to run the same tests
with: a file of the host, or `peer:runc` for one that lies in the private root.
"""
import fcntl
import hashlib
import io
import json
import os
import pty
import select
import struct
import subprocess
import tarfile
import termios
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers"))
INSIDE = "/usr/local/bin/corten-runtime"
TIMEOUT_S = 60

# Programs in /srv that cannot be executed, each for its own reason: (text, mode).
BAD_SCRIPTS = {
    "not-executable": ("#!/bin/sh\n", 0o644),
    "no-interpreter": ("#!/bin/absent\necho no\n", 0o755),
    "crlf": ("#!/bin/sh\r\necho no\n", 0o755),
    "closed/script": ("#!/bin/sh\necho no\n", 0o755),
}


def runtime_under_test():
    """(its path on the host or None when it is the peer's own, its path inside, its name)."""
    runtime = os.environ.get("CORTEN_RUNTIME") or str(
        Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")) / "corten-runtime")
    if runtime.startswith("peer:"):
        name = runtime.removeprefix("peer:")
        return None, f"/usr/bin/{name}", name
    assert os.access(runtime, os.X_OK), f"no runtime at '{runtime}': build first, or set CORTEN_RUNTIME"
    return os.path.realpath(runtime), INSIDE, Path(runtime).name


def image_tar(busybox):
    """A root of busybox with two users, as a tar."""
    links = subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, kind=tarfile.DIRTYPE, data=b"", mode=0o755, link="", owner=0):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
            entry.uid = entry.gid = owner
            tar.addfile(entry, io.BytesIO(data))

        for folder in ("bin", "etc", "proc", "sys", "dev", "root", "var", "srv", "home"):
            add(folder)
        add("tmp", mode=0o1777)
        add("home/app", owner=1000)
        add("bin/busybox", tarfile.REGTYPE, Path(busybox).read_bytes())
        for link in links:
            if link != "busybox":
                add(f"bin/{link}", tarfile.SYMTYPE, link="busybox")
        add("etc/passwd", tarfile.REGTYPE, b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n", 0o644)
        add("etc/group", tarfile.REGTYPE, b"root:x:0:\napp:x:1000:\nextra:x:2000:\n", 0o644)
        add("srv/closed", mode=0o700)
        for name, (text, mode) in BAD_SCRIPTS.items():
            add(f"srv/{name}", tarfile.REGTYPE, text.encode(), mode)
        add("srv/foreign", tarfile.REGTYPE, b"\x7fELF" + bytes(60), 0o755)
    return out.getvalue()


def oci_archive(layer, name):
    """An OCI layout of one layer, as a tar; `name` is the image's reference."""
    blobs = {}

    def blob(data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

    def document(value, kind, **more):
        return blob(json.dumps(value).encode(), kind, **more)

    part = blob(layer, "layer.v1.tar")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = document({"architecture": machine, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [part["digest"]]},
                       "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["/bin/sh"]}}, "config.v1+json")
    manifest = document({"schemaVersion": 2, "config": config, "layers": [part]}, "manifest.v1+json",
                        annotations={"io.containerd.image.name": name})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in (("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
                           ("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()),
                           *((f"blobs/sha256/{digest}", data) for digest, data in blobs.items())):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def cgroup_folders(name):
    """Every cgroup of that name right below a hierarchy's root."""
    top = Path("/sys/fs/cgroup")
    return [p for p in [top / name, *(h / name for h in top.iterdir() if h.is_dir())] if p.is_dir()]


def remove_cgroup(top):
    for folder, _, _ in os.walk(top, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.02)


def wait_for(condition, what, timeout_s=10):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail(f"waited {timeout_s} s in vain for {what}")


class Place:
    """A private root with namespaces of its own; all commands enter the same ones."""

    def __init__(self, root, scratch, *flags, boot="exec sleep 100000"):
        self.scratch = scratch
        self.groups = None
        root = PEERS / root
        assert (root / ".complete").exists(), f"nothing in '{root}': run tools/peers"
        self.busybox = root / "bin" / "busybox"
        host, self.runtime, self.runtime_name = runtime_under_test()
        binds = ["--bind", f"{scratch}:/scratch"]
        if host:
            binds += ["--ro-bind", f"{host}:{self.runtime}"]
        if "--own-cgroup" in flags:
            self.groups = flags[flags.index("--own-cgroup") + 1]
        self.holder = subprocess.Popen(
            [REPO / "tools" / "in-peer-root", "--net", "--pid", *flags, *binds, root, "sh", "-c", f"echo ready; {boot}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", "the private root did not come up"
        first = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()[0]
        self.enter = ["nsenter", "-t", first, "-m", "-n", "-p", *(["-C"] if self.groups else []), "--",
                      "env", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]

    def words(self, *args):
        """The engine's client with these words; engines say what it is."""
        raise NotImplementedError

    def argv(self, *args):
        return [*self.enter, *map(str, self.words(*args))]

    def __call__(self, *args, status=0, **options):
        """Runs the client, demands its exit status, returns what it wrote to stdout."""
        done = self.attempt(*args, **options)
        assert done.returncode == status, (
            f"{' '.join(map(str, args))}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, *args, stdin=None, timeout=TIMEOUT_S, cwd=None):
        return subprocess.run(self.argv(*args), input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False,
                              text=not isinstance(stdin, bytes), cwd=cwd)

    def shell(self, script):
        """Runs a shell script beside the engine, in the same namespaces."""
        return subprocess.run([*self.enter, "sh", "-c", script], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)

    def terminal(self, *args, conversation=(), timeout=TIMEOUT_S, size=None):
        """Runs the client on a terminal. The conversation is (awaited text, answer) pairs.
        Returns (exit status, all that was shown)."""
        master, slave = pty.openpty()
        if size:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        child = subprocess.Popen(self.argv(*args), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        shown, todo, seen, end = b"", list(conversation), 0, time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                readable, _, _ = select.select([master], [], [], 0.1)
                if readable:
                    try:
                        data = os.read(master, 4096)
                    except OSError:
                        data = b""
                    if not data:
                        break
                    shown += data
                if todo and todo[0][0].encode() in shown[seen:]:
                    seen = len(shown)
                    os.write(master, todo.pop(0)[1].encode())
            status = child.wait(timeout=max(1, end - time.monotonic()))
        finally:
            child.kill()
            child.wait()
            os.close(master)
        assert not todo, f"never saw {todo[0][0]!r} in {shown!r}"
        return status, shown.decode(errors="replace")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        if self.groups:
            for folder in cgroup_folders(self.groups):
                remove_cgroup(folder)
        left = cgroup_folders(self.groups) if self.groups else []
        assert not left, f"control groups left: {left}"


def exec_words(name, words):
    """Flags, then the container, then the command, of words in which flags take one value each."""
    at = 0
    while words[at].startswith("-"):
        at += 2
    return [*words[:at], name, *words[at:]]
