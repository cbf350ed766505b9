"""corten-monitor from a container's start to its end."""
import fcntl
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from monitor_driver import (BIN, CLEANED, DETACH, ERROR, EXITED, FAILED, PACED, RESIZE, SIGNAL, STARTED, STDERR, STDIN,
                            STDIN_CLOSE, STDOUT, WANT_STDERR, WANT_STDIN, WANT_STDOUT, WILL_CLEAN)


def shell(script):
    return "/bin/sh", "-c", script


def test_output_log_and_exit(container):
    c = container(*shell("echo out; echo err >&2; exit 3"))
    client = c.start()
    pid = int.from_bytes(client.until(STARTED), "little")
    assert client.exited() == (3, 0, False)
    assert client.receive() is None
    assert c.wait() == 0
    assert client.out == {STDOUT: b"out\n", STDERR: b"err\n"}
    assert (c.log("stdout"), c.log("stderr")) == ("out\n", "err\n")
    started, exited = c.journal()
    assert (started["type"], started["pid"]) == ("started", pid)
    assert started["bootId"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert started["pidStart"] > 0
    assert (exited["type"], exited["exitCode"]) == ("exited", 3)
    assert os.listdir(c.state) == ["monitor.json"]
    # the runtime has forgotten it
    assert subprocess.run([c.config["runtime"], *c.runtime_args, "state", c.id], stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL).returncode != 0


def test_killed_by_a_signal(container):
    c = container("/bin/sleep", "100")
    client = c.start()
    client.until(STARTED)
    client.send(SIGNAL, (9).to_bytes(8, "little"))
    assert client.exited() == (137, 9, False)
    assert c.journal()[-1]["signal"] == 9


def test_a_wrong_signal_is_refused(container):
    c = container("/bin/sleep", "100")
    client = c.start()
    client.until(STARTED)
    client.send(SIGNAL, (4000).to_bytes(8, "little"))
    assert "signal 4000" in client.failed(ERROR)[1]
    client.send(SIGNAL, (9).to_bytes(8, "little"))
    client.until(EXITED)


@pytest.mark.parametrize("args, code, words", [
    (("nonesuch",), 127, "executable file not found in $PATH"),
    (("/bin/nonesuch",), 127, "no such file or directory"),
    (("/etc",), 126, "permission denied"),
])
def test_a_failed_start_says_why(container, args, code, words):
    c = container(*args)
    client = c.start()
    got, text = client.failed()
    assert (got, words) == (code, words if words in text.lower().replace("$path", "$PATH") else text)
    assert client.receive() is None
    c.wait()
    record = c.journal()[-1]
    assert (record["type"], record["exitCode"]) == ("failed", code)
    assert words.lower() in record["message"].lower()
    assert os.listdir(c.state) == ["monitor.json"]


def test_stdin_reaches_the_end(container):
    c = container("/bin/sha256sum", config={"stdinOpen": True})
    client = c.start(WANT_STDIN | WANT_STDOUT | PACED)
    for _ in range(200):
        client.send(STDIN, b"x" * 16384)
    client.send(STDIN_CLOSE)
    assert client.exited()[0] == 0
    want = subprocess.run(["sha256sum"], input=b"x" * 16384 * 200, stdout=subprocess.PIPE, check=True).stdout
    assert client.out[STDOUT] == want


def test_stdin_is_null_by_default(container):
    c = container("/bin/cat")
    client = c.start()
    assert client.exited()[0] == 0


def test_stdin_closes_with_its_client(container):
    c = container("/bin/cat", config={"stdinOpen": True, "stdinOnce": True})
    client = c.start(WANT_STDIN | WANT_STDOUT)
    client.send(STDIN, b"last words\n")
    client.close()
    assert c.wait() == 0
    assert c.log() == "last words\n"


def test_stdin_survives_a_detach(container):
    c = container("/bin/cat", config={"stdinOpen": True, "stdinOnce": True})
    client = c.start(WANT_STDIN | WANT_STDOUT)
    client.until(STARTED)
    client.send(DETACH)
    client.close()
    second = c.attach(WANT_STDIN | WANT_STDOUT)
    second.send(STDIN, b"again\n")
    second.until_output(b"again\n")
    second.send(STDIN_CLOSE)
    assert second.exited()[0] == 0


def test_input_that_nobody_reads_costs_one_message(container):
    c = container("/bin/sleep", "100", config={"stdinOpen": True})
    client = c.start(WANT_STDIN | WANT_STDOUT)
    client.until(STARTED)
    client.sock.setblocking(False)
    sent = 0
    with pytest.raises(BlockingIOError):
        while sent < 64 << 20:
            client.send(STDIN, b"x" * 16384)
            sent += 16384
            time.sleep(0.001)
    assert sent < 2 << 20
    check_memory(c.process.pid, 150)
    ticks = cpu_ticks(c.process.pid)
    time.sleep(0.5)
    assert cpu_ticks(c.process.pid) - ticks < 5


def test_terminal(container):
    c = container(*shell("read first; stty size; read line; echo got $line; stty size; tty"), config={"tty": True, "stdinOpen": True})
    client = c.start(WANT_STDIN | WANT_STDOUT | PACED, rows=33, columns=77)
    client.until(STARTED)
    client.send(STDIN, b"\n")
    client.until_output(b"33 77\r\n")
    client.send(RESIZE, (44).to_bytes(2, "little") + (88).to_bytes(2, "little"))
    client.send(STDIN, b"hello\n")
    client.until_output(b"got hello\r\n")
    client.until_output(b"44 88\r\n")
    assert client.exited()[0] == 0
    assert b"/dev/" in client.out[STDOUT] and client.out[STDERR] == b""


def test_a_terminal_that_nobody_has_open_costs_no_time(container):
    c = container(*shell("exec </dev/null >/dev/null 2>&1; sleep 100"), config={"tty": True})
    client = c.start()
    client.until(STARTED)
    time.sleep(0.3)
    ticks = cpu_ticks(c.process.pid)
    time.sleep(0.5)
    assert cpu_ticks(c.process.pid) - ticks < 5
    client.send(SIGNAL, (9).to_bytes(8, "little"))
    assert client.exited()[0] == 137


def test_who_comes_later_sees_what_comes_later(container):
    c = container(*shell("echo one; read x; echo two"), config={"stdinOpen": True})
    first = c.start(WANT_STDIN | WANT_STDOUT)
    first.until_output(b"one\n")
    second = c.attach()
    second.until(STARTED)
    first.send(STDIN, b"\n")
    assert second.exited()[0] == 0
    assert second.out[STDOUT] == b"two\n"
    assert first.exited()[0] == 0
    assert c.log() == "one\ntwo\n"


def test_a_stuck_client_neither_blocks_nor_costs_memory(container):
    c = container(*shell("yes 0123456789012345678901234567890 | head -c 30000000; echo end >&2; sleep 0.3"),
                  config={"logMaxBytes": 100000, "logFiles": 2})
    starter = c.start(0)
    starter.until(STARTED)
    stuck = c.attach()
    reader = c.attach(WANT_STDERR)
    reader.until_output(b"end\n", STDERR)
    check_memory(c.process.pid, 500)
    assert reader.exited()[0] == 0
    # All is accounted for: shown or told as lost, but what was in the kernel's buffer at the end.
    while stuck.receive() is not None:
        pass
    assert 0 < len(stuck.out[STDOUT]) < 30000000
    assert c.wait() == 0
    assert sum(p.stat().st_size for p in c.data.glob("log*")) <= 250000


def test_a_paced_client_slows_the_container_and_loses_nothing(container):
    c = container(*shell("yes 0123456789 | head -c 3000000"))
    client = c.start(WANT_STDOUT | PACED)
    time.sleep(0.5)
    assert c.process.poll() is None
    assert client.exited()[0] == 0
    assert client.lost == 0
    assert len(client.out[STDOUT]) == 3000000


def test_a_paced_client_that_stays_stuck_is_left_behind(container):
    c = container(*shell("yes 0123456789 | head -c 3000000; echo end"), config={"stallTimeoutMs": 300, "logMaxBytes": 100000})
    c.start(WANT_STDOUT | PACED)
    assert c.wait() == 0
    assert c.log().endswith("end\n")


def test_exit_command_runs_last(container, tmp_path):
    marker = tmp_path / "marker"
    c = container("/bin/true", config={"exitCommand": ["/bin/sh", "-c", f'ls "$1" >{marker}', "sh", str(tmp_path / "c0" / "state")]})
    client = c.start()
    assert client.exited()[0] == 0
    assert c.wait() == 0
    assert marker.read_text() == "monitor.json\n"


@pytest.mark.parametrize("cleaned", [True, False])
def test_a_promise_to_clean_up_is_checked(container, tmp_path, cleaned):
    marker = tmp_path / "marker"
    c = container("/bin/true", config={"autoRemove": True, "exitCommand": ["/bin/sh", "-c", f">{marker}"]})
    client = c.start(WANT_STDOUT | WILL_CLEAN)
    assert client.exited()[0] == 0
    time.sleep(0.2)
    assert not marker.exists() and c.process.poll() is None
    if cleaned:
        client.send(CLEANED)
    client.close()
    assert c.wait() == 0
    assert marker.exists() != cleaned


def test_exit_command_after_a_failed_start(container, tmp_path):
    marker = tmp_path / "marker"
    c = container("nonesuch", config={"exitCommand": ["/bin/sh", "-c", f">{marker}"]})
    c.start().failed()
    c.wait()
    assert marker.exists()


@pytest.mark.parametrize("program", ["/bin/cat", "nonesuch"])
def test_a_lock_is_held_while_the_container_starts(container, tmp_path, program):
    started, go = tmp_path / "started", tmp_path / "go"
    os.mkfifo(go)
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"echo >{started}; read line <{go}"]}
    c = container(program, oci=lambda document: document.update(hooks={"createRuntime": [hook]}))
    ours = os.open(c.data, os.O_RDONLY)
    fcntl.flock(ours, fcntl.LOCK_EX)
    client = c.start(lock=ours)
    os.close(ours)  # as of a starter that is killed
    other = os.open(c.data, os.O_RDONLY)
    while not started.exists():
        time.sleep(0.01)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    go.write_text("\n")
    client.until(STARTED if program == "/bin/cat" else FAILED)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_nothing_starts_without_a_starter(container):
    c = container("/bin/true")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    done = subprocess.run([BIN / "corten-monitor", "--config", c.state / "monitor.json", "--launch-fd",
                           str(theirs.fileno())], pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL, timeout=20)
    theirs.close()
    assert done.returncode == 1
    assert not (c.data / "journal").exists()


def test_a_log_that_is_a_link_is_refused(container, tmp_path):
    victim = tmp_path / "victim"
    c = container("/bin/true")
    (c.data / "log").symlink_to(victim)
    code, text = c.start().failed()
    assert code == 125 and "log" in text
    assert not victim.exists()


def test_a_client_that_talks_nonsense_is_dropped(container):
    c = container("/bin/sleep", "100")
    client = c.start()
    client.until(STARTED)
    rude = c.attach()
    rude.until(STARTED)
    rude.sock.send(b"\xff\0\0\0nonsense")
    assert "unknown type" in rude.failed(ERROR)[1]
    assert rude.receive() is None
    silent = c.attach(0)
    silent.until(STARTED)
    silent.send(STDIN, b"uninvited")
    assert silent.failed(ERROR)[1] != ""
    assert silent.receive() is None
    client.send(SIGNAL, (9).to_bytes(8, "little"))
    assert client.exited()[0] == 137


def test_out_of_memory_is_told(container):
    def limit(document):
        document["linux"]["resources"] = {"memory": {"limit": 16 << 20}}

    if not (Path("/sys/fs/cgroup/memory").is_dir() or "memory" in Path("/sys/fs/cgroup/cgroup.controllers").read_text()):
        pytest.skip("this machine has no memory controller")
    c = container("/bin/tail", "/dev/zero", oci=limit)
    assert c.start().exited() == (137, 9, True)
    assert c.journal()[-1]["oom"] is True


def check_memory(pid, most_kib):
    """What this one process adds to a machine; a sanitizer's own memory is not counted."""
    private = sum(int(line.split()[1]) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                  if line.startswith(("Private_Dirty", "Private_Hugetlb")))
    assert private <= most_kib or os.environ.get("CORTEN_SANITIZED"), f"{private} KiB"


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_memory_at_rest(container):
    c = container("/bin/sleep", "100")
    client = c.start()
    client.until(STARTED)
    client.close()
    check_memory(c.process.pid, 60)


def test_the_starters_pipes_are_let_go(container):
    c = container("/bin/sleep", "100")
    client = c.start()
    client.until(STARTED)
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{c.process.pid}/fd/{fd}") == "/dev/null"
    assert os.getsid(c.process.pid) == c.process.pid
    os.kill(c.process.pid, signal.SIGTERM)
    os.kill(c.process.pid, signal.SIGHUP)
    client.send(SIGNAL, (9).to_bytes(8, "little"))
    assert client.exited()[0] == 137


def test_usage():
    for args in ([], ["--config"], ["--launch-fd", "3"], ["--config", "x", "--launch-fd", "2"], ["--nonsense", "x"]):
        done = subprocess.run([BIN / "corten-monitor", *args], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2 and done.stderr.startswith("usage:")
    done = subprocess.run([BIN / "corten-monitor", "--config", "/nonexistent"], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "/nonexistent" in done.stderr
