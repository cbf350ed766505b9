"""Podman from Debian's packages, in a private root, with corten-runtime as its runtime.

CORTEN_BIN names the folder of programs. CORTEN_RUNTIME names another runtime to run the same tests
with: a file of the host, or `peer:runc` for one that lies in the private root.
"""
import io
import json
import os
import pty
import select
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PEER_ROOT = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers")) / "stable"
BUSYBOX = PEER_ROOT / "bin" / "busybox"
TIMEOUT_S = 60

# This machine's root may lack CAP_SYS_RESOURCE: ask for no limit above its own.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=2048:2048"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "tested"
[engine.runtimes]
tested = ["{runtime}"]
"""


def image_tar():
    """A root of busybox with two users, as a tar."""
    links = subprocess.run([BUSYBOX, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
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
        add("bin/busybox", tarfile.REGTYPE, BUSYBOX.read_bytes())
        for link in links:
            if link != "busybox":
                add(f"bin/{link}", tarfile.SYMTYPE, link="busybox")
        add("etc/passwd", tarfile.REGTYPE, b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n", 0o644)
        add("etc/group", tarfile.REGTYPE, b"root:x:0:\napp:x:1000:\nextra:x:2000:\n", 0o644)
        add("srv/not-executable", tarfile.REGTYPE, b"#!/bin/sh\n", 0o644)
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


class Podman:
    """Podman in namespaces of its own; all commands enter the same ones."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.parent = f"corten-clients-{os.getpid()}"
        runtime = os.environ.get("CORTEN_RUNTIME") or str(
            Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")) / "corten-runtime")
        binds = ["--bind", f"{scratch}:/scratch"]
        if runtime.startswith("peer:"):
            inside = f"/usr/bin/{runtime.removeprefix('peer:')}"
        else:
            assert os.access(runtime, os.X_OK), f"no runtime at '{runtime}': build first, or set CORTEN_RUNTIME"
            inside = "/usr/local/bin/corten-runtime"
            binds += ["--ro-bind", f"{os.path.realpath(runtime)}:{inside}"]
        self.runtime_name = Path(runtime).name.removeprefix("peer:")
        # crun refuses a hybrid tree; for it the v2 part is hidden.
        cgroup = "legacy" if self.runtime_name == "crun" else "asis"
        (scratch / "containers.conf").write_text(CONTAINERS_CONF.format(runtime=inside))
        self.holder = subprocess.Popen(
            [REPO / "tools" / "in-peer-root", "--net", "--pid", "--cgroup", cgroup, *binds, PEER_ROOT,
             "sh", "-c", "echo ready; exec sleep 100000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", "the private root did not come up"
        first = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()[0]
        self.enter = ["nsenter", "-t", first, "-m", "-n", "-p", "--"]

    def argv(self, *args):
        # Below a pod, the pod's cgroup is the parent.
        if args[0] in ("run", "create") and not any(str(a).startswith(("--pod", "--cgroup-parent")) for a in args):
            args = (args[0], f"--cgroup-parent=/{self.parent}", *args[1:])
        if args[:2] == ("pod", "create"):
            args = ("pod", "create", f"--cgroup-parent=/{self.parent}", *args[2:])
        return [*self.enter, "env", "CONTAINERS_CONF=/scratch/containers.conf", "HOME=/root",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "podman", "--root", "/scratch/storage", "--runroot",
                "/run/podman-root", "--storage-driver", "overlay", "--tmpdir", "/run/podman-tmp",
                "--hooks-dir", "/scratch/hooks.d", *map(str, args)]

    def __call__(self, *args, status=0, **options):
        """Runs podman, demands its exit status, returns what it wrote to stdout."""
        done = self.attempt(*args, **options)
        assert done.returncode == status, (
            f"podman {' '.join(map(str, args))}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, *args, stdin=None, timeout=TIMEOUT_S, cwd=None):
        return subprocess.run(self.argv(*args), input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False,
                              text=not isinstance(stdin, bytes), cwd=cwd)

    def inspect(self, name, template):
        return self("inspect", "--format", template, name).strip()

    def shell(self, script):
        """Runs a shell script beside podman, in the same namespaces."""
        return subprocess.run([*self.enter, "sh", "-c", script], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)

    def terminal(self, *args, conversation=(), timeout=TIMEOUT_S, size=None):
        """Runs podman on a terminal. The conversation is (awaited text, answer) pairs.
        Returns (exit status, all that was shown)."""
        master, slave = pty.openpty()
        if size:
            import fcntl
            import struct
            import termios
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
        self.attempt("rm", "-f", "-a", "-t", "0")
        self.attempt("pod", "rm", "-f", "-a", "-t", "0")
        self.holder.kill()
        self.holder.wait()
        for folder in cgroup_folders(self.parent):
            remove_cgroup(folder)


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    assert (PEER_ROOT / ".complete").exists(), f"no Podman in '{PEER_ROOT}': run tools/peers"
    scratch = tmp_path_factory.mktemp("podman")
    (scratch / "hooks.d").mkdir()
    engine = Podman(scratch)
    try:
        (scratch / "box.tar").write_bytes(image_tar())
        engine("import", "--change", "CMD=/bin/sh", "/scratch/box.tar", "box")
        yield engine
    finally:
        engine.close()


@pytest.fixture
def box(podman):
    """A container that waits; yields its name and removes it."""
    name = f"box-{time.monotonic_ns()}"
    podman("run", "-d", "--name", name, "box", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")
    yield name
    podman.attempt("rm", "-f", "-t", "0", name)


@pytest.fixture(autouse=True)
def nothing_left(podman):
    """Each test leaves no container behind."""
    yield
    left = json.loads(podman("ps", "-a", "--format", "json", "--filter", "status=running") or "[]")
    for container in left:
        podman.attempt("rm", "-f", "-t", "0", container["Id"])
    assert not left, f"left running: {[c['Names'] for c in left]}"
