"""What a container may try on the engine: the files that it reads there, and those that it shares with it."""
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import wait_for  # noqa: E402
from engine import cli, engine  # noqa: E402,F401


def test_accounts_are_not_read_through_the_containers_proc(cli):
    """The container names itself like a line of passwd and lets /etc/passwd be a link to that name."""
    name = cli.detached("printf 'e:x:42:42::/:' > /proc/self/comm; ln -sf /proc/1/comm /etc/passwd; while :; do sleep 0.1; done")
    wait_for(lambda: cli("exec", name, "cat", "/etc/passwd").out == "e:x:42:42::/:\n", "the link")
    done = cli("exec", "-u", "e", name, "id", "-u")
    assert done.status != 0 and "42" not in done.out, done


def test_accounts_are_not_read_from_pipes_and_devices(cli):
    for target in ("mkfifo /etc/passwd", "ln -s /dev/zero /etc/passwd", "ln -s /proc/kmsg /etc/passwd"):
        name = cli.detached(f"rm /etc/passwd; {target}; touch /tmp/done; sleep 100")
        wait_for(lambda: cli("exec", name, "test", "-e", "/tmp/done").status == 0, target)
        assert cli("exec", "-u", "0", name, "echo", "here").ok() == "here\n"


def test_identity_files_fill_the_containers_own_folder(cli):
    """--state is a tmpfs, the host's memory: nothing that a container can write to lies there."""
    script = "for f in hosts hostname resolv.conf; do echo more-of-$f >> /etc/$f; done; grep ' /etc/' /proc/mounts; sleep 100"
    name = cli.detached(script)
    cli.wait_logs(name, "/etc/hosts")
    wait_for(lambda: cli("logs", name).out.count(" /etc/") == 3, "the mounts")
    for line in cli("logs", name).out.splitlines():
        assert {"nosuid", "nodev", "noexec"} <= set(line.split()[3].split(",")), line
    data, state = (next((top / "containers").glob(name + "*")) for top in (cli.root, cli.state))
    for file in ("hosts", "hostname", "resolv.conf"):
        assert f"more-of-{file}" in (data / file).read_text()
        assert not (state / file).exists()


def test_exec_gives_no_descriptor_of_the_host(cli, tmp_path):
    name = cli.detached("sleep 100")
    given, log = tmp_path / "given", tmp_path / "log"
    given.write_text("host's\n")
    log.write_text("kept\n")
    with open(given, encoding="utf-8") as stdin, open(log, "a", encoding="utf-8") as out:
        script = "cat; for n in 0 1 2; do echo evil > /proc/self/fd/$n; : > /proc/self/fd/$n; done"
        cli.start("exec", "-i", name, "sh", "-c", script, stdin=stdin, stdout=out, stderr=out).wait(timeout=20)
    assert given.read_text() == "host's\n"
    assert log.read_text().startswith("kept\nhost's\n")


def test_exec_leaves_no_terminal_to_a_child(cli):
    name = cli.detached("sleep 100")
    for flags in ((), ("-i",), ("-d",)):
        master, slave = pty.openpty()
        child = subprocess.Popen(cli.argv("exec", *flags, name, "sh", "-c", "sleep 50 & ls -l /proc/self/fd > /tmp/fds"),
                                 env=cli.env, stdin=slave, stdout=slave, stderr=slave)
        assert child.wait(timeout=20) == 0
        wait_for(lambda: "/tmp/fds" in cli("exec", name, "cat", "/tmp/fds").out, "the descriptors")
        told = cli("exec", name, "sh", "-c", "cat /tmp/fds; rm /tmp/fds; ls -l /proc/[0-9]*/fd").out
        assert "pts" not in told and "tty" not in told, told
        os.close(master)
        os.close(slave)


def test_exec_loses_nothing_to_a_slow_reader(cli):
    name = cli.detached("sleep 100")
    child = cli.start("exec", name, "sh", "-c", "head -c 10485760 /dev/zero; echo end; sleep 20 & exit 3")
    time.sleep(0.5)
    size, last = 0, b""
    while part := child.stdout.read(1048576):
        size, last = size + len(part), part
        time.sleep(0.05)
    assert size == 10485764 and last.endswith(b"end\n") and child.wait(timeout=20) == 3
    child.stderr.close()


def test_exec_is_not_held_by_a_child_that_writes_on(cli):
    name = cli.detached("sleep 100")
    done = cli("exec", name, "sh", "-c", "yes & echo first >&2; exit 5", timeout=10)
    assert done.status == 5 and done.err == "first\n"


def test_exec_tells_the_process_that_its_reader_is_gone(cli):
    name = cli.detached("sleep 100")
    child = cli.start("exec", name, "yes")
    assert child.stdout.read(2) == b"y\n"
    child.stdout.close()
    assert child.wait(timeout=10) == 141
    child.stderr.close()


def test_exec_of_a_user_may_open_its_streams(cli):
    name = cli.detached("sleep 100")
    done = cli("exec", "-u", "app", name, "sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr").ok()
    assert done == "out\n"


def test_exec_has_no_controlling_terminal(cli):
    name = cli.detached("sleep 100")
    status, shown = cli.terminal("exec", name, "sh", "-c", "(echo evil > /dev/tty) 2>/dev/null; exit 4")
    assert status == 4 and "evil" not in shown
    status, shown = cli.terminal("exec", name, "sh", "-c", "trap 'echo told; exit 7' INT; echo ready; while :; do sleep 0.05; done",
                                 conversation=[("ready", "\x03")])
    assert status == 7 and "told" in shown
