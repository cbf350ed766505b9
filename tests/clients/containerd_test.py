"""containerd, driven by ctr, keeps containers by way of the runtime under test as its shim's runc binary."""
import re
import time

import pytest

from conftest import WAITER
from place import wait_for

IMAGE = "example/box:1"
MEMORY = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"


def name_of():
    return f"box-{time.monotonic_ns()}"


@pytest.fixture
def box(ctr):
    """A container that waits; yields its name and removes it."""
    name = name_of()
    ctr("run", "-d", IMAGE, name, "sh", "-c", WAITER)
    yield name
    ctr.drop(name)


@pytest.fixture(autouse=True)
def nothing_left(ctr):
    """Each test leaves no container behind, and no process of the shim or the runtime."""
    yield
    left = ctr("containers", "ls", "-q").split()
    for name in left:
        ctr.drop(name)
    assert not left, f"left: {left}"
    wait_for(lambda: not ctr.shell("pgrep -f [c]ontainerd-shim").stdout, "the end of the shims")


def exec_in(ctr, name, *words, flags=(), **options):
    return ctr.attempt("tasks", "exec", "--exec-id", name_of(), *flags, name, *words, **options)


def said_in(ctr, name, *words, flags=(), **options):
    return ctr.said("tasks", "exec", "--exec-id", name_of(), *flags, name, *words, **options)


# --- run ---

def test_run(ctr):
    assert ctr.said("run", "--rm", IMAGE, name_of(), "echo", "hello") == "hello\n"
    # ctr 1.6 hands no end of file on.
    assert ctr.said("run", "--rm", IMAGE, name_of(), "head", "-n", "1", stdin="from outside\n") == "from outside\n"


@pytest.mark.parametrize("status", [0, 7, 200])
def test_exit_status(ctr, status):
    ctr("run", "--rm", IMAGE, name_of(), "sh", "-c", f"exit {status}", status=status)


def test_run_on_a_terminal(ctr):
    status, shown = ctr.terminal("run", "--rm", "-t", IMAGE, name_of(), "sh", size=(31, 97), conversation=[
        ("# ", "tty; until stty size | grep 31.97; do sleep 0.1; done; echo $((40 + 2))\n"), ("42", "exit 9\n")])
    assert status == 9, shown
    assert ("/dev/pts/0" in shown or "/dev/console" in shown) and "31 97" in shown, shown


@pytest.mark.parametrize("program, says", [
    ("absent", "executable file not found in .PATH"), ("/srv/absent", "no such file or directory"),
    ("/srv/not-executable", "permission denied"), ("/srv", "permission denied|is a directory"),
    ("/srv/no-interpreter", "no such file or directory"), ("/srv/crlf", "no such file or directory"),
    ("/srv/foreign", "exec format error")])
def test_run_errors(ctr, program, says):
    """ctr knows one status for whatever did not start; the words are the runtime's."""
    name = name_of()
    done = ctr.attempt("run", "--rm", IMAGE, name, program)
    ctr.drop(name)
    assert (done.returncode, bool(re.search(says, done.stderr, re.I))) == (1, True), done


def test_what_it_is_given(ctr):
    (ctr.scratch / "shared").mkdir(exist_ok=True)
    (ctr.scratch / "shared" / "given").write_text("by the host\n")
    shown = ctr.said("run", "--rm", "--env", "WORD=said", "--cwd", "/srv", "--read-only",
                     "--mount", "type=bind,src=/scratch/shared,dst=/mnt,options=rbind:ro", IMAGE, name_of(), "sh", "-c",
                     "echo $WORD; pwd; cat /mnt/given; touch /tmp/x 2>&1; true", lines=4)
    assert shown.splitlines()[:3] == ["said", "/srv", "by the host"]
    assert "Read-only file system" in shown


def test_seccomp_and_capabilities(ctr):
    def field(name, *flags):
        return ctr.said("run", "--rm", *flags, IMAGE, name_of(), "grep", name, "/proc/self/status").split()[1]

    assert field("Seccomp", "--seccomp") == "2" and field("Seccomp") == "0"
    net_admin = 1 << 12
    assert int(field("CapEff", "--cap-add", "CAP_NET_ADMIN"), 16) & net_admin and not int(field("CapEff"), 16) & net_admin


# --- limits ---

def test_limits(ctr):
    name = name_of()
    ctr("run", "-d", "--memory-limit", str(48 << 20), "--cpus", "0.5", "--mount",
        "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro", IMAGE, name, "sh", "-c", WAITER)
    assert said_in(ctr, name, "sh", "-c", MEMORY) == f"{48 << 20}\n"
    quota = said_in(ctr, name, "sh", "-c", "cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    assert quota.split()[0] == "50000"
    ctr.drop(name)


def test_out_of_memory_kills(ctr):
    ctr("run", "--rm", "--memory-limit", str(24 << 20), IMAGE, name_of(), "sh", "-c",
        "dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?", status=137)


def test_stats(ctr, box):
    ctr("tasks", "exec", "--exec-id", name_of(), box, "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done")
    shown = ctr("tasks", "metrics", box)
    used = re.search(r"(?:memory.usage_in_bytes|memory.usage)\s+(\d+)", shown)
    cpu = re.search(r"(?:cpuacct.usage|cpu.usage_usec)\s+(\d+)", shown)
    assert used and int(used[1]) > 0 and cpu and int(cpu[1]) > 0, shown


# --- a container's life ---

def test_list_and_processes(ctr, box):
    assert ctr.status(box) == "RUNNING"
    assert len(ctr("tasks", "ps", box).splitlines()) >= 2


def test_stop(ctr, box):
    wait_for(lambda: "sleep" in ctr.shell("ps -eo args").stdout, "the trap")
    ctr("tasks", "kill", "-s", "TERM", box)
    wait_for(lambda: ctr.status(box) == "STOPPED", "the end")
    done = ctr.attempt("tasks", "rm", box)
    assert "3" in done.stderr + done.stdout or done.returncode == 3, done
    assert ctr.status(box) is None


def test_kill_all(ctr, box):
    exec_id = name_of()
    ctr("tasks", "exec", "-d", "--exec-id", exec_id, box, "sleep", "100")
    ctr("tasks", "kill", "-s", "KILL", "--all", box)
    wait_for(lambda: ctr.status(box) == "STOPPED", "the end")


def test_pause(ctr, box):
    ctr("tasks", "pause", box)
    assert ctr.status(box) == "PAUSED"
    ctr("tasks", "resume", box)
    assert ctr.status(box) == "RUNNING"
    assert said_in(ctr, box, "echo", "alive") == "alive\n"


def test_remove(ctr):
    name = name_of()
    ctr("run", "-d", IMAGE, name, "sleep", "100")
    assert ctr.attempt("containers", "rm", name).returncode != 0
    groups = f"find /sys/fs/cgroup -type d -name '{name}'"
    assert ctr.shell(groups).stdout
    ctr("tasks", "rm", "-f", name)
    ctr("containers", "rm", name)
    assert ctr.shell(groups).stdout == ""


# --- exec ---

def test_exec(ctr, box):
    assert said_in(ctr, box, "head", "-n", "1", stdin="piped\n") == "piped\n"
    assert said_in(ctr, box, "sh", "-c", "id -u; pwd", flags=["--user", "app", "--cwd", "/srv"], lines=2) == "1000\n/srv\n"
    assert exec_in(ctr, box, "sh", "-c", "exit 200").returncode == 200
    assert exec_in(ctr, box, "sh", "-c", "kill -KILL $$").returncode == 137


def test_exec_on_a_terminal(ctr, box):
    status, shown = ctr.terminal("tasks", "exec", "-t", "--exec-id", name_of(), box, "sh", size=(22, 66), conversation=[
        ("# ", "tty; until stty size | grep 22.66; do sleep 0.1; done\n"), ("22 66", "exit 12\n")])
    assert status == 12, shown
    assert "/dev/pts/" in shown


@pytest.mark.parametrize("words, flags, says", [
    (["absent"], [], "executable file not found in .PATH"), (["/srv/absent"], [], "no such file or directory"),
    (["/srv/not-executable"], [], "permission denied"), (["/srv"], [], "permission denied|is a directory"),
    (["/srv/no-interpreter"], [], "no such file or directory"), (["/srv/crlf"], [], "no such file or directory"),
    (["/srv/foreign"], [], "exec format error"),
    (["true"], ["--cwd", "/absent"], "no such file or directory"), (["true"], ["--cwd", "/etc/passwd"], "not a directory")])
def test_exec_errors(ctr, box, words, flags, says):
    done = exec_in(ctr, box, *words, flags=flags)
    assert (done.returncode, bool(re.search(says, done.stderr, re.I))) == (1, True), done
    assert said_in(ctr, box, "echo", "unharmed") == "unharmed\n"
