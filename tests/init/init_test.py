"""corten-init as PID 1 of a namespace, as a container's --init has it."""
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
INIT = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")) / "corten-init"
TIMEOUT_S = 20


def run(*args, **kwargs):
    """corten-init as PID 1 of its own PID namespace."""
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", INIT, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, **kwargs)


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_ends_as_its_child_does(script, code):
    assert run("--", "/bin/sh", "-c", script).returncode == code


def test_exit_codes_of_a_failed_exec():
    done = run("/nonexistent/program")
    assert done.returncode == 127 and "/nonexistent/program" in done.stderr and "No such file" in done.stderr
    done = run("/etc")
    assert done.returncode == 126 and "Permission denied" in done.stderr


def test_is_pid_1_and_finds_programs_in_path():
    assert run("-s", "--", "sh", "-c", "echo $PPID; cat /proc/1/comm").stdout == "1\ncorten-init\n"


def test_usage():
    for args in ([], ["--"], ["-x", "true"], ["-s"]):
        done = subprocess.run([INIT, *args], stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 2 and done.stderr.startswith("usage:")


def test_orphans_are_reaped():
    script = """
        for i in 1 2 3 4 5; do (sh -c 'sleep 0.1 & echo $! >>"$0"' "$0"); done
        sleep 0.5; grep -l '^State:.*Z' /proc/[0-9]*/status; echo checked"""
    path = f"/tmp/corten-init-test-{os.getpid()}"
    try:
        done = run("sh", "-c", script, path)
        assert done.stdout == "checked\n"
        assert len(Path(path).read_text().split()) == 5
    finally:
        Path(path).unlink(missing_ok=True)


def test_orphans_are_adopted_without_being_pid_1():
    # The grandchild is handed to the init that is not PID 1, and sees its pid as its parent's.
    script = "(sh -c 'sleep 0.2; ps -o ppid= -p $$ | tr -d \" \"' &); sleep 0.6; echo $PPID"
    done = subprocess.run([INIT, "-s", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
    first, second = done.stdout.split()
    assert first == second


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT,
                                    signal.SIGWINCH, signal.SIGRTMIN + 3])
def test_signals_are_passed_on(number):
    script = f"trap 'echo got; exit 3' {int(number)}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen([INIT, "--", "bash", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "got\n"
        assert process.wait(TIMEOUT_S) == 3


def test_signals_reach_the_group():
    script = "trap 'sleep 0.3; exit 4' TERM; bash -c 'trap \"echo inner; exit\" TERM; echo ready; while :; do sleep 0.05; done' & wait; wait"
    with subprocess.Popen([INIT, "-g", "--", "bash", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "inner\n"
        assert process.wait(TIMEOUT_S) == 4


def test_the_child_has_the_terminal():
    pid, master = pty.fork()
    if pid == 0:
        os.execv(INIT, [INIT, "--", "sh", "-c", "read line; echo got:$line"])
    os.write(master, b"hello\n")
    seen = b""
    deadline = time.monotonic() + TIMEOUT_S
    while b"got:hello" not in seen and time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            seen += os.read(master, 1000)
        except OSError:
            break
    assert b"got:hello" in seen
    status = os.waitpid(pid, 0)[1]
    os.close(master)  # not before: the end of the terminal would end the child
    assert status == 0


def test_the_child_has_default_signals():
    done = run("sh", "-c", "grep -E '^Sig(Blk|Ign):' /proc/self/status")
    for line in done.stdout.splitlines():
        assert int(line.split()[1], 16) == 0, done.stdout


def test_the_machines_init_refuses_to_be_another_process():
    done = subprocess.run([INIT.parent / "corten-os-init"], stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 2 and "process 1" in done.stderr
