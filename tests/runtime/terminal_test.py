"""Terminals: over a console socket, and run -t's relay."""
import os
import subprocess
import termios

import pytest
from box import TIMEOUT_S, set_size


def on_terminal(one, script):
    one.sh(script).process["terminal"] = True
    return one


# --- console socket ---

def test_master_comes_over_the_socket(box, console):
    one, sock = on_terminal(box(), "tty; echo in:$(cat | head -1)"), console()
    one.create("--console-socket", sock.path).ok()
    sock.receive()
    assert os.isatty(sock.master)
    one.start().ok()
    sock.read_until("/dev/")
    os.write(sock.master, b"hello\n\x04")
    sock.read_until("in:hello")


def test_terminal_is_the_controlling_one(box, console):
    one, sock = on_terminal(box(), "trap 'echo interrupted; exit' INT; echo up; while :; do sleep 0.05; done"), console()
    one.detached("--console-socket", sock.path)
    sock.receive()
    sock.read_until("up")
    os.write(sock.master, b"\x03")
    sock.read_until("interrupted")


def test_dev_console_is_the_terminal(box, console):
    one, sock = on_terminal(box(), "echo to-console > /dev/console; stat -c '%t:%T %F' /dev/console; "
                                   "stat -c '%t:%T %F' $(tty); echo end; sleep 1000"), console()
    one.detached("--console-socket", sock.path)
    sock.receive()
    shown = sock.read_until("end")
    assert "to-console" in shown
    lines = [line for line in shown.splitlines() if "special" in line]
    assert len(lines) == 2 and lines[0].startswith("88:") and lines[0] == lines[1], shown


def test_terminal_is_of_the_containers_devpts(box, console):
    one, sock = on_terminal(box(), "ls /dev/pts; echo end; sleep 1000"), console()
    one.detached("--console-socket", sock.path)
    sock.receive()
    assert sock.read_until("end").split()[:2] == ["0", "ptmx"]


@pytest.mark.parametrize("size", [(25, 80), (43, 132)])
def test_console_size(box, console, size):
    one, sock = on_terminal(box(), "stty size; sleep 1000"), console()
    one.process["consoleSize"] = {"height": size[0], "width": size[1]}
    one.detached("--console-socket", sock.path)
    sock.receive()
    assert f"{size[0]} {size[1]}" in sock.read_until("\n")


def test_console_size_is_ignored_without_a_terminal(box):
    one = box("echo", "hello")
    one.process["consoleSize"] = {"height": 25, "width": 80}
    assert one.run().ok() == "hello\n"


def test_resizing_reaches_the_process(box, console):
    one, sock = on_terminal(box(), "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done"), console()
    one.detached("--console-socket", sock.path)
    sock.receive()
    sock.read_until("up")
    set_size(sock.master, 33, 77)
    sock.read_until("33 77")


def test_terminal_belongs_to_the_user(box, console):
    one, sock = on_terminal(box(), "stat -c '%u %a' $(tty); sleep 1000"), console()
    one.process["user"] = {"uid": 1000, "gid": 1000}
    one.detached("--console-socket", sock.path)
    sock.receive()
    assert sock.read_until("\n").split() == ["1000", "620"]


def test_create_with_terminal_needs_a_socket(box):
    on_terminal(box(), "true").create().failed("console")


def test_detached_run_with_terminal_needs_a_socket(box):
    on_terminal(box(), "true").run("--detach").failed("console")


def test_socket_without_terminal(box, console):
    box("true").create("--console-socket", console().path).failed("console")


def test_console_socket_that_is_absent(box):
    one = on_terminal(box(), "true")
    one.create("--console-socket", one.bundle / "none.sock").failed("none.sock")


def test_long_socket_path(box, console, tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    sock = console()
    link = deep / "sock"
    link.symlink_to(sock.path)
    one = on_terminal(box(), "echo hello; sleep 1000")
    done = one.run("--detach", "--console-socket", link)
    if done.status == 0:
        sock.receive()
        sock.read_until("hello")
    else:
        done.failed("sock")


def test_exec_with_a_terminal(box, console):
    one, sock = box("sleep", "1000").detached(), console()
    running = subprocess.Popen(one.argv("exec", "--tty", "--console-socket", sock.path, one.id, "sh", "-c",
                                        "tty; exit 5"), stdin=subprocess.DEVNULL)
    sock.receive()
    sock.read_until("/dev/pts/")
    assert running.wait(TIMEOUT_S) == 5


# --- run on a terminal ---

def run_on_terminal(one, **options):
    one.process["terminal"] = True
    one.write()
    return one.terminal("run", "--bundle", one.bundle, one.id, **options)


def test_run_relays(box):
    status, shown = run_on_terminal(box().sh("tty; read x; echo got-$x; exit 4"),
                                    conversation=[("/dev/", "hello\n"), ("got-hello", "")])
    assert status == 4, shown


def test_run_shows_all_output_before_it_ends(box):
    status, shown = run_on_terminal(box().sh("seq 1 20000"))
    assert status == 0 and shown.rstrip().endswith("20000"), shown[-200:]


def test_run_takes_the_callers_size(box):
    _, shown = run_on_terminal(box().sh("stty size"), size=(31, 97))
    assert "31 97" in shown


def test_run_follows_the_callers_size(box):
    def grow(master):
        set_size(master, 51, 111)
    _, shown = run_on_terminal(box().sh("trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.05; done"),
                               size=(31, 97), conversation=[("up", grow), ("51 111", "")])
    assert "51 111" in shown


def test_interrupt_goes_to_the_container(box):
    status, shown = run_on_terminal(box().sh("trap 'exit 7' INT; echo up; while :; do sleep 0.05; done"),
                                    conversation=[("up", "\x03")])
    assert status == 7, shown


def test_callers_terminal_is_restored(box):
    one = box().sh("echo hello")
    one.process["terminal"] = True
    one.write()
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(one.argv("run", "--bundle", one.bundle, one.id), stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True)
    assert child.wait(TIMEOUT_S) == 0
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_exec_relays(box):
    one = box("sleep", "1000").detached()
    status, shown = one.terminal("exec", "--tty", one.id, "sh", "-c", "stty size; tty; read x; echo got-$x; exit 3",
                                 size=(20, 60), conversation=[("/dev/pts/", "word\n"), ("got-word", "")])
    assert status == 3 and "20 60" in shown


def test_hangup_of_the_caller_ends_the_relay(box):
    one = box().sh("echo up > /up; sleep 1000")
    one.process["terminal"] = True
    one.write()
    master, slave = os.openpty()
    child = subprocess.Popen(one.argv("run", "--bundle", one.bundle, one.id), stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True)
    os.close(slave)
    one.wait_file("/up")
    os.close(master)
    one.kill("KILL").ok()
    child.wait(TIMEOUT_S)


def test_background_child_on_the_terminal_does_not_hold_run(box):
    status, _ = run_on_terminal(box().sh("sleep 1000 & echo hello").without_namespace("pid"), timeout=10)
    assert status == 0
