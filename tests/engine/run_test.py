"""corten run: words, exit codes, hardening."""
import os
import pty
import re
import select
import signal
import time

import pytest

from engine_place import BIN

FOURTEEN = 0xa80425fb


def test_output_and_status(corten):
    done = corten("run", "--rm", "bb", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 3)
    assert corten.ok("ps", "-aq") == ""


@pytest.mark.parametrize("command, status, words", [
    (["nosuch"], 127, "executable file not found in $PATH"),
    (["/nosuch"], 127, "no such file or directory"),
    (["/etc/passwd"], 126, "permission denied"),
    (["sh", "-c", "kill -9 $$"], 137, ""),
])
def test_exit_codes(corten, command, status, words):
    extra = ["--init"] if status == 137 else []
    done = corten("run", "--rm", *extra, "bb", *command)
    assert done.returncode == status, done.stderr
    assert words in done.stderr.lower() or words in done.stderr


@pytest.mark.parametrize("args, words", [
    (["nosuch"], "No such image"),
    (["--memory", "1m", "bb"], "Minimum memory limit allowed is 6MB"),
    (["-v", "name:/x", "bb"], "named volumes are not built yet: give an absolute path"),
    (["--network", "bridge", "bb"], "not built yet"),
    (["--nmae", "x", "bb"], "did you mean --name?"),
    (["-it", "bb"], "the input device is not a TTY"),
    (["-u", "nobody", "bb"], "unable to find user nobody"),
    (["--mount", "type=bind,src=/nonexistent,dst=/x", "bb"], "bind source path '/nonexistent'"),
])
def test_refusals_are_125(corten, args, words):
    done = corten("run", "--rm", *args)
    assert done.returncode == 125
    assert words in done.stderr
    assert corten.ok("ps", "-aq") == ""


def test_identity_and_environment(corten):
    out = corten.ok("run", "--rm", "-e", "A=1", "-e", "HOSTVAR", "-w", "/tmp/new", "-u", "web", "--hostname", "h1",
                    "bb", "sh", "-c", "id; pwd; hostname; env", env={"HOSTVAR": "from host"})
    assert "uid=33(web) gid=34(www) groups=9(log),34(www)" in out
    assert "\n/tmp/new\nh1\n" in out
    for line in ("A=1", "HOSTVAR=from host", "HOME=/data", "HOSTNAME=h1"):
        assert line in out.splitlines()


def test_hardening(corten):
    out = corten.ok("run", "--rm", "bb", "sh", "-c", "cat /proc/self/status; cat /proc/mounts")
    status = dict(line.split(":\t", 1) for line in out.splitlines() if ":\t" in line)
    for name in ("CapBnd", "CapEff", "CapPrm"):
        assert int(status[name], 16) == FOURTEEN
    assert int(status["CapInh"], 16) == 0 and int(status["CapAmb"], 16) == 0
    assert status["Seccomp"] == "2"
    mounts = {line.split()[1]: line.split()[3].split(",") for line in out.splitlines() if line.count(" ") == 5 and line.endswith(" 0 0")}
    assert "nodev" in mounts["/"]
    assert "ro" in mounts["/sys"]
    for path in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"):
        assert "ro" in mounts[path]
    devices = corten.ok("run", "--rm", "bb", "ls", "/dev").split()
    assert sorted(devices) == sorted("core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom "
                                     "zero".split())


def test_capabilities_added_and_dropped(corten):
    out = corten.ok("run", "--rm", "--cap-drop", "ALL", "--cap-add", "CHOWN", "bb", "grep", "CapBnd", "/proc/self/status")
    assert int(out.split()[1], 16) == 1


def test_limits(corten):
    out = corten.ok("run", "--rm", "-m", "64m", "--pids-limit", "32", "--ulimit", "nofile=100:200", "bb", "sh", "-c",
                    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null;"
                    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max 2>/dev/null; ulimit -n; ulimit -Hn")
    assert str(64 << 20) in out.split() and "32" in out.split()
    assert out.split()[-2:] == ["100", "200"]


def test_volume_of_the_image_is_filled(corten):
    out = corten.ok("run", "--rm", "vol", "sh", "-c", "cat /data/file deep; pwd; echo $FROM; touch /data/new")
    assert out == "of the image\ndeep\n/data/sub\nimage\n"


def test_bind_mounts(corten, tmp_path):
    (tmp_path / "f").write_text("host\n")
    out = corten.ok("run", "--rm", "-v", f"{tmp_path}:/m:ro", "bb", "sh", "-c", "cat /m/f; touch /m/x 2>&1 || true")
    assert out.startswith("host\n") and "Read-only" in out
    corten.ok("run", "--rm", "-v", f"{tmp_path}/made:/m", "bb", "touch", "/m/x")
    assert (tmp_path / "made" / "x").exists()


def test_read_only_and_tmpfs(corten):
    out = corten.ok("run", "--rm", "--read-only", "--tmpfs", "/t:size=1m", "bb", "sh", "-c",
                    "touch /x 2>/dev/null || echo refused; touch /t/x && echo fine; grep ' /t ' /proc/mounts")
    assert out.startswith("refused\nfine\n") and "size=1024k" in out and "noexec" in out


def test_stdin_reaches_the_container(corten):
    text = "".join(f"line {i}\n" for i in range(50000))
    done = corten("run", "--rm", "-i", "bb", "cat", input=text)
    assert done.returncode == 0 and done.stdout == text
    assert corten("run", "--rm", "bb", "cat", input="lost").stdout == ""


def test_signals_are_forwarded(corten):
    child = corten.start("run", "--rm", "bb", "sh", "-c", "trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done")
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)
    assert (out, child.returncode) == ("got\n", 9)


def test_cidfile_and_label(corten, tmp_path):
    file = tmp_path / "cid"
    corten.ok("run", "-d", "--cidfile", file, "--label", "a=b", "bb", "true")
    one = file.read_text()
    assert re.fullmatch("[0-9a-f]{64}", one)
    assert corten("run", "--cidfile", file, "bb", "true").returncode == 125
    assert corten.ok("ps", "-aq", "--no-trunc", "--filter", "label=a=b").strip() == one


def _terminal(corten, argv, script, timeout=20):
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, corten.env)
    out, steps, due, end = b"", list(script), time.time() + 1, time.time() + timeout
    while time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            out += data
        if steps and time.time() > due:
            os.write(fd, steps.pop(0))
            due = time.time() + 0.6
    os.close(fd)
    return out.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_terminal_and_detach_keys(corten):
    program = str(BIN / "corten")
    out, status = _terminal(corten, [program, "run", "--rm", "-it", "bb", "sh"], [b"tty; echo $TERM\n", b"exit 5\n"])
    assert status == 5 and "/dev/pts/0" in out and "xterm" in out
    out, status = _terminal(corten, [program, "run", "-it", "--name", "leave", "bb", "sh"], [b"echo a\n", b"\x10\x11"])
    assert status == 0
    assert corten.ok("ps", "--format", "json").count('"State":"running"') == 1
    out, status = _terminal(corten, [program, "exec", "-it", "leave", "sh"], [b"tty\n", b"exit 4\n"])
    assert status == 4 and "/dev/pts/" in out
