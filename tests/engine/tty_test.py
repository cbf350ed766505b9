"""Containers on a real terminal: size, keys that detach, attaching again, signals by keys."""
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import set_size  # noqa: E402
from engine import cli, engine  # noqa: E402,F401


def test_is_a_terminal(cli):
    status, shown = cli.terminal("run", "--rm", "-it", "bb", "sh", "-c", "tty; stty size; ls /dev/console; echo $TERM; exit 3",
                                 size=(33, 77))
    assert status == 3 and "/dev/pts/0" in shown or "/dev/console" in shown
    assert "33 77" in shown and "xterm" in shown


def test_resize(cli):
    status, shown = cli.terminal(
        "run", "--rm", "-it", "bb", "sh", "-c", "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done",
        size=(24, 80), conversation=[("ready", lambda master: set_size(master, 40, 120)), ("40 120", "")])
    assert status == 0 and "40 120" in shown


def test_keys(cli):
    status, shown = cli.terminal("run", "--rm", "-it", "bb", "sh", "-c", "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done",
                                 conversation=[("ready", "\x03")])
    assert status == 7
    status, shown = cli.terminal("run", "--rm", "-it", "bb", "sh", conversation=[("#", "echo a-$((1+1))\n"), ("a-2", "exit 9\n")])
    assert status == 9
    status, shown = cli.terminal("run", "--rm", "-it", "bb", "sh", "-c", "echo ready; cat; echo the end",
                                 conversation=[("ready", "\x04")])
    assert status == 0 and "the end" in shown


def test_the_terminal_is_given_back_as_it_was(cli):
    import pty
    import subprocess
    import termios
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(cli.argv("run", "--rm", "-it", "bb", "true"), env=cli.env, stdin=slave, stdout=slave, stderr=slave)
    assert child.wait(timeout=20) == 0
    assert termios.tcgetattr(slave) == before
    for words in (["run", "--rm", "-it", "bb", "/absent"], ["run", "--rm", "-it", "absent-image"]):
        child = subprocess.Popen(cli.argv(*words), env=cli.env, stdin=slave, stdout=slave, stderr=slave)
        assert child.wait(timeout=20) in (125, 127)
        assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_detach_and_attach(cli):
    status, _ = cli.terminal("run", "-it", "--name", "left", "bb", "sh", conversation=[("#", "\x10\x11")])
    assert status == 0 and cli.status("left") == "running"
    status, shown = cli.terminal("attach", "left", conversation=[("", "echo again-$((1+1))\n"), ("again-2", "exit 6\n")])
    assert status == 6


def test_detach_keys_of_ones_own(cli):
    status, _ = cli.terminal("run", "-it", "--name", "left", "--detach-keys", "ctrl-x,y", "bb", "cat",
                             conversation=[("", "\x10\x11hello\n"), ("hello", "\x18y")])
    assert status == 0 and cli.status("left") == "running"


def test_exec_on_a_terminal(cli):
    name = cli.detached("sleep 100")
    status, shown = cli.terminal("exec", "-it", name, "sh", "-c", "tty; stty size; exit 4", size=(20, 60))
    assert status == 4 and "/dev/pts/" in shown and "20 60" in shown
    status, shown = cli.terminal("exec", "-it", name, "sh", "-c",
                                 "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done", size=(24, 80),
                                 conversation=[("ready", lambda master: set_size(master, 41, 121)), ("41 121", "")])
    assert status == 0


def test_terminal_without_one(cli):
    for words in (["run", "--rm", "-it", "bb", "true"], ["exec", "-it", cli.detached("sleep 100"), "true"]):
        done = cli(*words, stdin="")
        assert done.status in (1, 125) and "the input device is not a TTY" in done.err, done


def test_terminal_for_the_container_alone(cli):
    assert cli("run", "--rm", "-t", "bb", "tty").ok().strip() in ("/dev/pts/0", "/dev/console")
    name = cli("run", "-dt", "bb", "sh", "-c", "tty; sleep 100").ok().strip()
    cli.wait_logs(name, "/dev/")


def test_a_terminal_that_hangs_up(cli):
    import pty
    import subprocess
    master, slave = pty.openpty()
    child = subprocess.Popen(cli.argv("run", "-it", "--name", "hung", "bb", "cat"), env=cli.env, stdin=slave, stdout=slave,
                             stderr=slave, start_new_session=True)
    os.close(slave)
    end = time.monotonic() + 10
    while cli.status("hung") != "running" and time.monotonic() < end:
        time.sleep(0.05)
    os.close(master)
    child.send_signal(signal.SIGHUP)
    assert cli.status("hung") == "running"
    cli("rm", "-f", "hung").ok()
    child.wait(timeout=10)
