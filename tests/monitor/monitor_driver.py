"""A monitor with a container of busybox, driven over its sockets as the engine does.

CORTEN_BIN names the folder of programs. CORTEN_RUNTIME names another OCI runtime to run the same
tests with.
"""
import json
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist"))
RUNTIME = os.environ.get("CORTEN_RUNTIME") or str(BIN / "corten-runtime")
PARENT = f"corten-monitor-test-{os.getpid()}"
TIMEOUT_S = 20

HELLO, STDIN, STDIN_CLOSE, RESIZE, SIGNAL, DETACH, CLEANED = range(1, 8)
STARTED, FAILED, STDOUT, STDERR, LOST, EXITED, ERROR = range(32, 39)
WANT_STDIN, WANT_STDOUT, WANT_STDERR, PACED, WILL_CLEAN = 1, 2, 4, 8, 16


class Client:
    """One end of the attach protocol (src/monitor/wire/attach.h)."""

    def __init__(self, sock, flags, rows=0, columns=0):
        self.sock = sock
        self.sock.settimeout(TIMEOUT_S)
        self.out = {STDOUT: b"", STDERR: b""}
        self.lost = 0
        self.send(HELLO, struct.pack("HHHH", 1, flags, rows, columns))

    def send(self, kind, body=b""):
        self.sock.send(bytes((kind, 0, 0, 0)) + body)

    def receive(self):
        """The next message as (kind, body); None at the end."""
        packet = self.sock.recv(65536)
        if not packet:
            return None
        kind, body = packet[0], packet[4:]
        if kind in self.out:
            self.out[kind] += body
        elif kind == LOST:
            self.lost += struct.unpack("Q", body)[0]
        return kind, body

    def until(self, wanted):
        """Reads on until a message of that kind; returns its body."""
        seen = []
        while (message := self.receive()) is not None:
            if message[0] == wanted:
                return message[1]
            seen.append(message[0])
        raise AssertionError(f"closed without message {wanted}; saw {seen[-5:]}")

    def until_output(self, text, stream=STDOUT):
        while text not in self.out[stream]:
            assert self.receive() is not None, f"closed with {self.out!r}"

    def exited(self):
        code, number, oom = struct.unpack("III", self.until(EXITED)[:12])
        return code, number, bool(oom)

    def failed(self, kind=FAILED):
        body = self.until(kind)
        frames = [frame.decode() for frame in body[16:].split(b"\0") if frame]
        return struct.unpack("I", body[:4])[0], ": ".join(reversed(frames))

    def close(self):
        self.sock.close()


class Container:
    def __init__(self, folder, root, args, config=None, oci=None):
        self.id = f"m{os.getpid()}-{folder.name}"
        self.state, self.data, self.bundle = folder / "state", folder / "data", folder / "bundle"
        for path in (self.state, self.data, self.bundle):
            path.mkdir()
        self.runtime_args = ["--root", str(folder / "runtime")]
        self.config = {
            "id": self.id, "runtime": RUNTIME, "runtimeArgs": self.runtime_args, "bundle": str(self.bundle),
            "stateDir": str(self.state), "dataDir": str(self.data), "cgroupsPath": f"/{PARENT}/{self.id}",
            **(config or {})}
        (self.state / "monitor.json").write_text(json.dumps(self.config))
        document = self.oci(root, args)
        if oci:
            oci(document)
        (self.bundle / "config.json").write_text(json.dumps(document))
        self.clients = []
        self.process = None

    def oci(self, root, args):
        return {
            "ociVersion": "1.0.2",
            "process": {"terminal": self.config.get("tty", False), "user": {"uid": 0, "gid": 0}, "args": args,
                        "env": ["PATH=/bin", "TERM=xterm"], "cwd": "/"},
            "root": {"path": str(root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                 "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
            "linux": {"cgroupsPath": self.config["cgroupsPath"],
                      "namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")]},
        }

    def start(self, flags=WANT_STDOUT | WANT_STDERR | PACED, rows=0, columns=0, lock=None):
        """Spawns the monitor, which may take a lock over; returns the starting client."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client = Client(ours, flags, rows, columns)
        self.clients.append(client)
        held = [] if lock is None else [lock]
        self.process = subprocess.Popen(
            [BIN / "corten-monitor", "--config", self.state / "monitor.json", "--launch-fd", str(theirs.fileno()),
             *(word for fd in held for word in ("--lock-fd", str(fd)))],
            pass_fds=[theirs.fileno(), *held], stdin=subprocess.DEVNULL)
        theirs.close()
        return client

    def attach(self, flags=WANT_STDOUT | WANT_STDERR, rows=0, columns=0):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(str(self.state / "attach.sock"))
        client = Client(sock, flags, rows, columns)
        self.clients.append(client)
        return client

    def wait(self):
        """Waits for the monitor's own end; its exit status."""
        return self.process.wait(TIMEOUT_S)

    def journal(self):
        return [json.loads(line[9:]) for line in (self.data / "journal").read_text().splitlines()]

    def log(self, stream="stdout"):
        names = sorted(self.data.glob("log*"), key=lambda p: p.name, reverse=True)
        names.sort(key=lambda p: -int(p.suffix[1:] or 0))
        records = [json.loads(line) for name in names for line in name.read_text().splitlines()]
        return "".join(record["log"] for record in records if record["stream"] == stream)

    def remove(self):
        for client in self.clients:
            client.close()
        if self.process and self.process.poll() is None:
            subprocess.run([RUNTIME, *self.runtime_args, "delete", "--force", self.id], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
