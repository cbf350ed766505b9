"""Bundles of busybox for black-box tests of an OCI runtime, and the checks that nothing is left.

CORTEN_BIN names the folder of programs; CORTEN_RUNTIME another OCI runtime to try the tests against.
The test process moves to a mount namespace of its own (`own_mount_namespace`), where tests may mount;
a mount that the runtime leaves shows there and nowhere else.
"""
import contextlib
import copy
import ctypes
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist"))
RUNTIME = Path(os.environ.get("CORTEN_RUNTIME", BIN / "corten-runtime")).resolve()
PEER = "CORTEN_RUNTIME" in os.environ
HOST_DEVICES = set(os.listdir("/sys/class/net")) - {"lo"}  # which nobody can move
PARENT = f"corten-box-{os.getpid()}"
CGROUPS = Path("/sys/fs/cgroup")
SANITIZED = "CORTEN_SANITIZED" in os.environ  # a dynamic build with ASan and UBSan: slower, and of another libc
TIMEOUT_S = 60 if SANITIZED else 20

CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 0x40000

APPLETS = """[ ash awk basename cat chmod chown chroot cmp cp cut date dd df dirname dnsdomainname echo env expr
false find fold grep head hostname id ifconfig ip kill ln ls md5sum mkdir mknod mktemp mount mv nc nsenter od
pidof printenv printf ps pwd readlink rm rmdir sed seq sh sleep sort stat stty sync sysctl tail tee test
timeout top touch tr true tty umount uname unshare vi wc wget which whoami xargs yes""".split()

# What Docker gives a container that asks for nothing.
CAPABILITIES = ["CAP_" + name for name in (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
    "SETUID SYS_CHROOT").split()]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
]


def rule(allow, kind, major=None, minor=None, access="rwm"):
    made = {"allow": allow, "access": access}
    if kind:
        made["type"] = kind
    if major is not None:
        made["major"] = major
    if minor is not None:
        made["minor"] = minor
    return made


DEVICE_RULES = [rule(False, None), *(rule(True, "c", *numbers) for numbers in (
    (1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1), (136, None)))]


def docker_config(args):
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": list(args), "cwd": "/",
            "env": ["PATH=/usr/bin:/bin", "LANG=C"],
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "box",
        "mounts": copy.deepcopy(MOUNTS),
        "linux": {
            "resources": {"devices": copy.deepcopy(DEVICE_RULES)},
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc")],
            "maskedPaths": list(MASKED), "readonlyPaths": list(READONLY),
        },
    }


def mountinfo():
    return Path("/proc/self/mountinfo").read_text().splitlines()


def limit_of_a_test(number, frame):
    raise TimeoutError("the test took more than 60 s")


def own_mount_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "a mount namespace for the tests")


def mount(*args):
    subprocess.run(["mount", *map(str, args)], check=True)


@contextlib.contextmanager
def mounted(*args):
    """Mounts, with the words of mount(8), and unmounts the last of them."""
    mount(*args)
    try:
        yield Path(args[-1])
    finally:
        subprocess.run(["umount", "-l", str(args[-1])], check=True)


def hierarchies():
    """Every mounted cgroup tree: version 1 controllers, or version 2, or both."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [folder for folder in sorted(CGROUPS.iterdir()) if (folder / "cgroup.procs").exists()]


def cgroup_v1(controller):
    return (CGROUPS / controller / "cgroup.procs").exists()


def cgroup_folders(path):
    return [top / path.lstrip("/") for top in hierarchies() if (top / path.lstrip("/")).exists()]


def processes_of(word):
    """Processes whose cgroup or command line holds a word, but this one."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            text = (folder / "cgroup").read_text() + (folder / "cmdline").read_bytes().decode(errors="replace")
            if word in text and "State:\tZ" not in (folder / "status").read_text():
                found.append(f"{folder.name} {text.splitlines()[-1]!r}")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for(condition, what, timeout_s=10):
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.01)


def make_root(folder):
    """A root folder of busybox."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed (Debian: busybox-static)")
    for name in ("bin", "usr/bin", "proc", "sys", "dev", "tmp", "etc", "root", "var", "home/dev"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    shutil.copy(busybox, folder / "bin" / "busybox")
    for name in APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "etc" / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:dev:/home/dev:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    (folder / "etc" / "group").write_text("root:x:0:\ntty:x:5:\ndev:x:1000:dev\nextra:x:2000:dev\n")
    return folder


class Done:
    """How a program ended."""

    def __init__(self, process, argv):
        self.status, self.argv = process.returncode, argv
        self.out, self.err = process.stdout, process.stderr

    def __repr__(self):
        return f"{' '.join(map(str, self.argv))}: status {self.status}\nout: {self.out!r}\nerr: {self.err!r}"

    def ok(self):
        assert self.status == 0, self
        return self.out

    def failed(self, *words, status=None):
        """Demands a failure whose words hold each of the given."""
        assert self.status != 0 if status is None else self.status == status, self
        for word in words:
            assert word.lower() in self.err.lower(), f"no {word!r} in the error of {self!r}"
        return self.err


def without_leak_check(environment):
    """The leak check of a sanitized build traces its process from another: no second tracer, and no kill of it."""
    return {**environment, "ASAN_OPTIONS": environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


@pytest.fixture
def kill_safe(monkeypatch):
    if SANITIZED:
        monkeypatch.setenv("ASAN_OPTIONS", without_leak_check(os.environ)["ASAN_OPTIONS"])


def call(argv, stdin=None, timeout=TIMEOUT_S, text=True, **options):
    """Runs a program with its outputs in files: a process left behind that holds them stops nobody."""
    argv = [str(word) for word in argv]
    if SANITIZED and argv[0] == "strace":
        options["env"] = without_leak_check(options.get("env", os.environ))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        feed = {"stdin": subprocess.DEVNULL} if stdin is None else {"stdin": subprocess.PIPE}
        process = subprocess.Popen(argv, stdout=out, stderr=err, **{**feed, **options})
        try:
            process.communicate(stdin, timeout=timeout)
            late = False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            late = True
        out.seek(0)
        err.seek(0)
        process.stdout, process.stderr = out.read(), err.read()
    if late:
        pytest.fail(f"{' '.join(argv)}: not done after {timeout} s: {process.stdout!r} {process.stderr!r}")
    if text:
        process.stdout, process.stderr = (part.decode(errors="replace") for part in (process.stdout, process.stderr))
    return Done(process, argv)


class Box:
    """A bundle and the container made of it."""

    def __init__(self, folder, args, state):
        self.id = f"b{os.getpid()}-{folder.name}"
        self.bundle, self.state_root = folder, state
        self.root = make_root(folder / "rootfs")
        self.config = docker_config(args)
        self.cgroup = f"/{PARENT}/{self.id}"
        self.config["linux"]["cgroupsPath"] = self.cgroup
        self.options = []
        self.prefix = []
        self.program = RUNTIME

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def sh(self, script):
        self.process["args"] = ["sh", "-c", script]
        return self

    def mount(self, destination, source=None, kind=None, options=None, **more):
        one = {"destination": destination, **more}
        if source is not None:
            one["source"] = str(source)
        if kind is not None:
            one["type"] = kind
        if options is not None:
            one["options"] = list(options)
        self.config["mounts"].append(one)
        return self

    def without_namespace(self, kind):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def namespace(self, kind, path=None):
        self.without_namespace(kind)
        self.linux["namespaces"].append({"type": kind, **({"path": str(path)} if path else {})})
        return self

    def write(self, text=None):
        linux = self.config.get("linux") if isinstance(self.config, dict) else None
        taken = HOST_DEVICES.intersection((linux or {}).get("netDevices") or {}) if isinstance(linux, dict) else set()
        assert not taken, f"the test would take this machine's own network device: {taken}"
        (self.bundle / "config.json").write_text(json.dumps(self.config) if text is None else text)

    def argv(self, *words):
        return [*self.prefix, str(self.program), "--root", str(self.state_root), *self.options, *map(str, words)]

    def runtime(self, *words, **options):
        return call(self.argv(*words), **options)

    def run(self, *flags, write=True, **options):
        if write:
            self.write()
        return self.runtime("run", "--bundle", self.bundle, *flags, self.id, **options)

    def create(self, *flags, write=True, **options):
        if write:
            self.write()
        return self.runtime("create", "--bundle", self.bundle, *flags, self.id, **options)

    def start(self, **options):
        return self.runtime("start", self.id, **options)

    def detached(self, *flags, **options):
        """Runs in the background and demands that it worked."""
        self.run("--detach", *flags, **options).ok()
        return self

    def exec(self, *words, **options):
        return self.runtime("exec", *words, **options)

    def inside(self, script, *flags, **options):
        """Runs a shell script in the running container."""
        return self.exec(*flags, self.id, "sh", "-c", script, **options)

    def kill(self, *words):
        return self.runtime("kill", self.id, *words)

    def delete(self, *flags):
        return self.runtime("delete", *flags, self.id)

    def state(self):
        return json.loads(self.runtime("state", self.id).ok())

    def status(self):
        return self.state()["status"]

    def pid(self):
        return self.state()["pid"]

    def wait_status(self, wanted, timeout_s=10):
        wait_for(lambda: self.status() == wanted, f"status {wanted}", timeout_s)

    def wait_file(self, path, timeout_s=10):
        """Waits for a file in the root folder; its text."""
        file = self.root / path.lstrip("/")
        wait_for(lambda: file.exists() and file.stat().st_size, f"'{path}' in the container", timeout_s)
        return file.read_text()

    def terminal(self, *words, conversation=(), size=None, timeout=TIMEOUT_S):
        """The runtime on a terminal of its own; (exit status, what was shown)."""
        return on_terminal(self.argv(*words), conversation, size, timeout)

    def left(self):
        """What is left of the container on the host, as text."""
        found = [f"process {line}" for line in processes_of(self.id)]
        found += [f"cgroup {folder}" for folder in cgroup_folders(self.cgroup)]
        found += [f"mount {line}" for line in mountinfo() if str(self.bundle) + "/" in line]
        if (self.state_root / self.id).exists():
            found.append(f"state {self.state_root / self.id}")
        return found

    def assert_nothing_left(self):
        end = time.monotonic() + 3
        while self.left() and time.monotonic() < end:
            time.sleep(0.02)
        assert not self.left(), "left on the host: " + "; ".join(self.left())

    def remove(self):
        """Deletes by force, then checks that nothing is left; kills what is."""
        done = self.runtime("delete", "--force", self.id)
        try:
            assert done.status == 0, done
            self.assert_nothing_left()
        finally:
            for line in processes_of(self.id):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(line.split()[0]), signal.SIGKILL)
            for folder in cgroup_folders(self.cgroup):
                remove_cgroup(folder)
            for line in reversed(mountinfo()):
                if str(self.bundle) + "/" in line:
                    subprocess.run(["umount", "-l", line.split()[4]], check=False)


def remove_cgroup(folder):
    for path, _, _ in os.walk(folder, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(path)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)


def on_terminal(argv, conversation=(), size=None, timeout=TIMEOUT_S):
    """Runs a program on a new terminal, as its controlling one. The conversation is (awaited, answer) pairs.
    Returns (exit status, what was shown)."""
    master, slave = pty.openpty()
    if size:
        set_size(master, *size)
    child = subprocess.Popen([str(word) for word in argv], stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, preexec_fn=lambda: control_terminal(0))
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
                answer = todo.pop(0)[1]
                if callable(answer):
                    answer(master)
                else:
                    os.write(master, answer.encode())
        status = child.wait(timeout=max(1, end - time.monotonic()))
    finally:
        child.kill()
        child.wait()
        os.close(master)
    assert not todo, f"never saw {todo[0][0]!r} in {shown!r}"
    return status, shown.decode(errors="replace")


def control_terminal(fd):
    import fcntl
    import termios
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def set_size(fd, rows, columns):
    import fcntl
    import struct
    import termios
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class ConsoleSocket:
    """Receives a terminal's master as an engine does."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(TIMEOUT_S)
        self.master = -1

    def receive(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(TIMEOUT_S)
            _, fds, _, _ = socket.recv_fds(connection, 4096, 4)
        assert len(fds) == 1, f"{len(fds)} descriptors came over the console socket"
        self.master = fds[0]
        return self.master

    def read_until(self, text, timeout=TIMEOUT_S):
        shown, end = b"", time.monotonic() + timeout
        while text.encode() not in shown:
            readable, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert readable, f"never saw {text!r} in {shown!r}"
            try:
                data = os.read(self.master, 4096)
            except OSError:
                data = b""
            assert data, f"ended without {text!r}: {shown!r}"
            shown += data
        return shown.decode(errors="replace")

    def close(self):
        self.listener.close()
        if self.master >= 0:
            os.close(self.master)


def compile_c(folder, name, source):
    """A static program from C source."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the hostile program")
    (folder / f"{name}.c").write_text(source)
    subprocess.run([compiler, "-static", "-O1", "-w", "-o", str(folder / name), str(folder / f"{name}.c")], check=True)
    return folder / name


# --- fixtures, imported by each area's conftest ---

@pytest.fixture(scope="session", autouse=True)
def private_mounts():
    own_mount_namespace()


@pytest.fixture(scope="session")
def workshop(private_mounts):
    """A folder for the session, removed with all in it; cgroups of the session must be empty by then."""
    folder = Path(tempfile.mkdtemp(prefix="corten-box-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    full = []
    for top in cgroup_folders(PARENT):
        full += [str(path) for path in top.iterdir() if path.is_dir()]
        remove_cgroup(top)
    assert not full, f"control groups left: {full}"


@pytest.fixture
def box(workshop):
    """Makes bundles: box("echo", "hello"); removes what became of them."""
    made = []
    folder = Path(tempfile.mkdtemp(prefix="t", dir=workshop))
    folder.chmod(0o755)
    (folder / "state").mkdir()

    def make(*args):
        bundle = folder / f"{folder.name}-{len(made)}"
        bundle.mkdir()
        made.append(Box(bundle, args, folder / "state"))
        return made[-1]

    signal.signal(signal.SIGALRM, limit_of_a_test)
    signal.alarm(60)
    yield make
    signal.alarm(0)
    problems = []
    for one in reversed(made):
        try:
            one.remove()
        except AssertionError as problem:
            problems.append(str(problem))
    shutil.rmtree(folder, ignore_errors=True)
    assert not problems, "\n".join(problems)


@pytest.fixture
def console(box):
    """Makes console sockets."""
    made = []
    folder = Path(tempfile.mkdtemp(prefix="corten-tty-"))

    def make():
        made.append(ConsoleSocket(folder / f"{len(made)}.sock"))
        return made[-1]

    yield make
    for one in made:
        one.close()
    shutil.rmtree(folder, ignore_errors=True)
