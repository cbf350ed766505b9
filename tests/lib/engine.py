"""A private engine for black-box tests of the command line: folders, a cgroup and an image of its own.

CORTEN_BIN names the folder of programs. Each test module imports the fixture `cli`; what containers leave
on the host is looked for by one word that is part of every path, cgroup and environment of the session.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from box import call, on_terminal, remove_cgroup, wait_for

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")).resolve()
TIMEOUT_S = 30
PROGRAMS = ("corten", "corten-monitor", "corten-runtime", "corten-image", "corten-init")


def make_tree(folder):
    """A root folder of every applet of busybox, with a user `app`."""
    busybox = shutil.which("busybox")
    for name in ("bin", "proc", "sys", "dev", "etc", "root", "var", "srv", "home/app"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    shutil.copy(busybox, folder / "bin" / "busybox")
    applets = subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    for name in applets:
        if name != "busybox":
            (folder / "bin" / name).symlink_to("busybox")
    (folder / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
    (folder / "etc" / "group").write_text("root:x:0:\napp:x:1000:\nextra:x:2000:app\n")
    os.chown(folder / "home" / "app", 1000, 1000)
    srv = folder / "srv"
    for name, text, mode in (
            ("no-bit", "#!/bin/sh\necho no\n", 0o644), ("crlf", "#!/bin/sh\r\necho no\r\n", 0o755),
            ("no-interpreter", "#!/bin/absent\n", 0o755), ("script", "#!/bin/sh\necho script $*\n", 0o755)):
        (srv / name).write_text(text)
        (srv / name).chmod(mode)
    image = (folder / "bin" / "busybox").read_bytes()
    machine = 183 if os.uname().machine == "x86_64" else 62
    (srv / "foreign").write_bytes(image[:18] + machine.to_bytes(2, "little") + image[20:])
    (srv / "foreign").chmod(0o755)
    return folder


class Engine:
    """The command line with a root, a state and a user's configuration of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.word = folder.name
        self.parent = "/" + self.word
        self.root, self.state, self.config = folder / "root", folder / "state", folder / "config"
        (self.config / "corten").mkdir(parents=True)
        (self.config / "corten" / "corten.conf").write_text(f"cgroup-parent = {self.parent}\noffline = true\n")
        self.env = {**os.environ, "CORTEN_ROOT": str(self.root), "CORTEN_STATE": str(self.state),
                    "CORTEN_LIBEXEC": str(BIN), "XDG_CONFIG_HOME": str(self.config)}

    def argv(self, *words):
        return [str(BIN / "corten"), *map(str, words)]

    def __call__(self, *words, env=None, timeout=TIMEOUT_S, stdin=None, **options):
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return call(self.argv(*words), env={**self.env, **(env or {})}, timeout=timeout, stdin=stdin, **options)

    def run(self, *words, **options):
        """`run --rm` of words, image and command; what it printed."""
        return self("run", "--rm", *words, **options).ok()

    def sh(self, script, *flags, **options):
        return self.run(*flags, "bb", "sh", "-c", script, **options)

    def start(self, *words, **options):
        """The program beside the test, its outputs in pipes."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(self.argv(*words), env=self.env, **options)

    def detached(self, script, *flags, image="bb"):
        return self("run", "-d", *flags, image, "sh", "-c", script).ok().strip()

    def terminal(self, *words, conversation=(), **options):
        return on_terminal(["env", *(f"{k}={v}" for k, v in self.env.items() if k.startswith(("CORTEN", "XDG_C"))),
                            *self.argv(*words)], conversation, **options)

    def ids(self, *words):
        return self("ps", "-aq", "--no-trunc", *words).ok().split()

    def status(self, name):
        """Docker's word for a container's state, or None when there is no such container."""
        done = self("inspect", "--type", "container", name)
        return json.loads(done.out)[0]["State"]["Status"] if done.status == 0 else None

    def wait_status(self, name, wanted, timeout_s=10):
        wait_for(lambda: self.status(name) == wanted, f"'{name}' to be {wanted}", timeout_s)

    def wait_logs(self, name, text, timeout_s=10):
        wait_for(lambda: text in self("logs", name).out, f"{text!r} in the logs", timeout_s)

    def processes(self):
        """Processes of this session: by control group, command line or environment."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                name = (folder / "comm").read_text().strip()
                text = (folder / "cgroup").read_text() + (folder / "cmdline").read_bytes().decode(errors="replace")
                if self.word not in text:
                    text = (folder / "environ").read_bytes().decode(errors="replace")
                if self.word in text and "State:\tZ" not in (folder / "status").read_text():
                    found.append((int(folder.name), name))
            except OSError:
                continue
        return found

    def cgroups(self):
        """The session's own folder in each hierarchy, and those below it."""
        top = Path("/sys/fs/cgroup")
        tops = [top / self.word, *(one / self.word for one in top.iterdir() if one.is_dir())]
        return [one for one in tops if one.is_dir()]

    def left(self):
        """What is left of containers on the host, as text."""
        found = [f"process {pid} {name}" for pid, name in self.processes()]
        for top in self.cgroups():
            found += [f"cgroup {one}" for one in top.iterdir() if one.is_dir()]
        found += [f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines() if self.word in line]
        for folder in (self.root / "containers", self.state / "containers", self.state / "runtime",
                       self.root / "trash", self.root / "staging"):
            if folder.is_dir():
                # A name with a tilde is the runtime's own, such as its cache of policies.
                found += [f"folder {one}" for one in folder.iterdir() if not one.name.startswith("~")]
        return found

    def assert_nothing_left(self, timeout_s=5):
        end = time.monotonic() + timeout_s
        while self.left() and time.monotonic() < end:
            time.sleep(0.05)
        assert not self.left(), "left on the host: " + "; ".join(self.left())

    def clear(self):
        for name in self.ids():
            self("rm", "-f", name)

    def sweep(self):
        """Removes what a fault has left, so that it is told of once."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.clear()
        for top in self.cgroups():
            remove_cgroup(top)

    def close(self):
        try:
            self.clear()
            self.assert_nothing_left()
        finally:
            self.sweep()
            shutil.rmtree(self.folder, ignore_errors=True)


def make_engine():
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    if shutil.which("busybox") is None:
        pytest.skip("busybox is not installed (Debian: busybox-static)")
    for name in PROGRAMS:
        assert (BIN / name).exists(), f"no {name} in '{BIN}': build first, or set CORTEN_BIN"
    folder = Path(tempfile.mkdtemp(prefix="corten-cli-"))
    folder.chmod(0o755)
    engine = Engine(folder)
    engine("image", "import", "-c", 'CMD ["sh"]', make_tree(folder / "tree"), "bb").ok()
    return engine


@pytest.fixture(scope="module")
def engine():
    made = make_engine()
    yield made
    made.close()


@pytest.fixture
def cli(engine):
    """The engine of the module; the test's containers are removed after it."""
    yield engine
    engine.clear()
