"""What a service manager sees: LISTEN_FDS, NOTIFY_SOCKET, orphans; and pidfd sockets, --config, keyrings."""
import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from box import TIMEOUT_S, call, compile_c, wait_for

NOTIFIER = r"""
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	if (path == NULL)
		return 3;
	strcpy(to.sun_path, path);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-") == 0) {
			usleep(300000);
			continue;
		}
		if (sendto(s, argv[i], strlen(argv[i]), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("sendto");
			return 4;
		}
	}
	pause();
}
"""

KEYRINGS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/keyctl.h>
int main(void)
{
	char text[256] = "";
	long ring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0);
	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, text, sizeof(text)) < 0)
		perror("describe");
	printf("%ld %s\n", ring, text);
	fflush(stdout);
	return 0;
}
"""


class Manager:
    """A service manager's end of NOTIFY_SOCKET, on a thread: keeps messages, answers barriers."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.said, self.times = [], []
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
            except OSError:
                return
            if data == b"stop":
                return
            self.said.append(data.decode().strip())
            self.times.append(time.monotonic())
            for fd in fds:
                os.close(fd)

    def close(self, address):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"stop", address)
        self.thread.join(TIMEOUT_S)
        self.socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, workshop):
    address = str(workshop / f"notify-{time.monotonic_ns()}")
    bound = "\0" + address if request.param == "abstract" else address
    made = Manager(bound)
    made.env = {**os.environ, "NOTIFY_SOCKET": "@" + address if request.param == "abstract" else address}
    yield made
    made.close(bound)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)


@pytest.fixture(scope="module")
def programs(workshop):
    folder = workshop / "programs"
    folder.mkdir(exist_ok=True)
    return {"notifier": compile_c(folder, "notifier", NOTIFIER), "keyrings": compile_c(folder, "keyrings", KEYRINGS)}


def with_program(one, programs, name):
    shutil.copy(programs[name], one.root / "bin" / name)
    return one


# --- NOTIFY_SOCKET ---

def test_run_detached_waits_until_it_is_ready(box, programs, manager):
    one = with_program(box("notifier", "STATUS=up", "-", "READY=1"), programs, "notifier")
    start = time.monotonic()
    one.run("--detach", env=manager.env).ok()
    assert time.monotonic() - start > 0.25
    assert manager.said == ["READY=1", f"MAINPID={one.pid()}", "BARRIER=1"]


def test_start_waits_until_it_is_ready(box, programs, manager):
    one = with_program(box("notifier", "-", "X=1\nREADY=1"), programs, "notifier")
    one.create(env=manager.env).ok()
    assert manager.said == []
    start = time.monotonic()
    one.start(env=manager.env).ok()
    assert time.monotonic() - start > 0.25
    assert manager.said == ["READY=1", f"MAINPID={one.pid()}", "BARRIER=1"]


def test_start_without_the_variable_does_not_wait(box, programs, manager):
    one = with_program(box("sleep", "1000"), programs, "notifier")
    one.create(env=manager.env).ok()
    one.start(timeout=5).ok()
    assert manager.said == []


def test_others_may_work_while_start_waits(box, manager):
    one = box("sleep", "1000")
    one.create(env=manager.env).ok()
    with subprocess.Popen(list(map(str, one.argv("start", one.id))), env=manager.env) as waiting:
        wait_for(lambda: one.status() == "running", "the start")
        assert waiting.poll() is None
        assert one.exec(one.id, "echo", "hello", timeout=5).ok() == "hello\n"
        one.kill("KILL").ok()
        assert waiting.wait(TIMEOUT_S) == 0
    assert manager.said == []


def test_what_ends_before_it_is_ready_ends_the_wait(box, manager):
    one = box("true")
    one.run("--detach", env=manager.env, timeout=5).ok()
    assert manager.said == []


def test_foreground_is_the_main_process(box, programs, manager):
    one = with_program(box("notifier", "READY=1"), programs, "notifier")
    one.write()
    with subprocess.Popen(list(map(str, one.argv("run", "--bundle", one.bundle, one.id))), env=manager.env) as child:
        wait_for(lambda: len(manager.said) == 3, "READY=1 and what follows it")
        assert manager.said == ["READY=1", f"MAINPID={child.pid}", "BARRIER=1"]
        one.kill("KILL").ok()
        assert child.wait(TIMEOUT_S) == 137


def test_socket_inside(box, manager):
    one = box("sh", "-c", "echo $NOTIFY_SOCKET; stat -c %a /run/notify /run/notify/notify.sock; "
                          "touch /run/notify/x || grep -q ' /run/notify [a-z0-9]* ro,' /proc/mounts && echo read-only")
    lines = one.run(env=manager.env).ok().split()
    assert lines == ["/run/notify/notify.sock", "755", "777", "read-only"]
    assert manager.said == []


def test_user_of_a_user_namespace_reaches_it(box, programs, manager):
    one = with_program(box("notifier", "READY=1"), programs, "notifier").namespace("user")
    for kind in ("uidMappings", "gidMappings"):
        one.linux[kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    one.process["user"] = {"uid": 1000, "gid": 1000}
    for folder, _, _ in os.walk(one.root):
        os.chown(folder, 100000, 100000)
    one.run("--detach", env=manager.env).ok()
    assert manager.said[0] == "READY=1"


def test_nobody_listens(box, programs):
    one = with_program(box("notifier", "READY=1"), programs, "notifier")
    done = one.run("--detach", env={**os.environ, "NOTIFY_SOCKET": "/no/such/socket"})
    done.ok()
    assert "level=warning" in done.err and "/no/such/socket" in done.err


def test_no_socket_no_folder(box):
    one = box("sh", "-c", "echo ${NOTIFY_SOCKET-none}; ls -d /run/notify")
    done = one.run()
    assert done.out == "none\n" and not (one.state_root / one.id).exists()


# --- LISTEN_FDS ---

def listening(one, words, fds, env=()):
    """Runs the runtime as a service manager does: descriptors from 3 on, LISTEN_PID its own."""
    exports = "".join(f"export {name}; " for name in env)
    script = f"{exports}LISTEN_PID=$$ exec \"$@\" {' '.join(f'{n}<>/dev/null' for n in fds)}"
    return call(["bash", "-c", script, "sh", *one.argv(*words)])


def test_listeners_are_passed_on(box):
    one = box("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID $$; ls /proc/self/fd")
    one.write()
    lines = listening(one, ["run", "--bundle", one.bundle, one.id], [3, 4], ["LISTEN_FDS=2"]).ok().split()
    assert lines == ["2", "1", "1", "0", "1", "2", "3", "4", "5"]  # 5: the folder that ls reads


def test_preserved_descriptors_come_after_them(box):
    one = box("sh", "-c", "echo $LISTEN_FDS; ls /proc/self/fd")
    one.write()
    words = ["run", "--preserve-fds", "1", "--bundle", one.bundle, one.id]
    assert listening(one, words, [3, 4], ["LISTEN_FDS=1"]).ok().split() == ["1", "0", "1", "2", "3", "4", "5"]
    listening(one, words, [3], ["LISTEN_FDS=1"]).failed("descriptor 4 is not open")


def test_pid_is_right_without_a_pid_namespace(box):
    one = box("sh", "-c", "test $LISTEN_PID = $$ && echo same").without_namespace("pid")
    one.write()
    assert listening(one, ["run", "--bundle", one.bundle, one.id], [3], ["LISTEN_FDS=1"]).ok() == "same\n"


def test_listeners_of_another_process_are_not_passed_on(box):
    one = box("sh", "-c", "echo ${LISTEN_FDS-none}")
    assert one.run(env={**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": "1"}).ok() == "none\n"


def test_wrong_listen_fds(box):
    one = box("true")
    one.write()
    listening(one, ["run", "--bundle", one.bundle, one.id], [3], ["LISTEN_FDS=99999"]).failed("LISTEN_FDS")


# --- pidfd sockets and --config ---

@contextlib.contextmanager
def pidfd_socket(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(TIMEOUT_S)

        def receive():
            connection, _ = listener.accept()
            with connection:
                data, fds, _, _ = socket.recv_fds(connection, 64, 4)
            return data, fds

        yield receive


def pid_of(pidfd):
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pid:")).split()[1])


@pytest.mark.parametrize("command", ["create", "run"])
def test_pidfd_of_the_first_process(box, command):
    one = box("sleep", "1000")
    with pidfd_socket(one.bundle / "s") as receive:
        if command == "run":
            one.run("--detach", "--pidfd-socket", one.bundle / "s").ok()
        else:
            one.create("--pidfd-socket", one.bundle / "s").ok()
        data, fds = receive()
    assert len(fds) == 1 and data == b"standard" and pid_of(fds[0]) == one.pid()
    os.close(fds[0])


def test_pidfd_of_exec(box):
    one = box("sleep", "1000")
    one.detached()
    with pidfd_socket(one.bundle / "s") as receive:
        one.exec("--detach", "--pidfd-socket", one.bundle / "s", "--pid-file", one.bundle / "pid", one.id, "sleep",
                 "1000").ok()
        data, fds = receive()
    assert data == b"setns" and pid_of(fds[0]) == int((one.bundle / "pid").read_text())
    assert select.select([fds[0]], [], [], 0)[0] == []
    os.close(fds[0])


def test_pidfd_socket_that_is_not_there(box):
    one = box("touch", "/ran")
    one.create("--pidfd-socket", "/no/such/socket").failed("--pidfd-socket", "/no/such/socket")
    one.assert_nothing_left()


@pytest.mark.parametrize("absolute", [True, False])
def test_config_of_another_name(box, absolute):
    one = box("echo", "other")
    one.write("{}")
    (one.bundle / "other.json").write_text(json.dumps(one.config))
    name = one.bundle / "other.json" if absolute else "other.json"
    assert one.run("--config", name, write=False).ok() == "other\n"
    one.run("-f", "nope.json", write=False).failed("nope.json")


def test_config_of_another_name_is_what_exec_goes_by(box):
    one = box("sleep", "1000")
    one.process["env"].append("OTHER=yes")
    (one.bundle / "other.json").write_text(json.dumps(one.config))
    one.runtime("run", "-d", "--bundle", one.bundle, "--config", "other.json", one.id).ok()
    assert one.inside("echo $OTHER").ok() == "yes\n"


# --- session keyring ---

def keyring(text):
    serial, description = text.split(None, 1)
    kind, uid, gid, mode, name = description.strip().split(";", 4)
    return int(serial), kind, int(uid), int(mode, 16), name


def test_keyring_of_its_own(box, programs):
    one = with_program(box("keyrings"), programs, "keyrings")
    host = keyring(call([programs["keyrings"]]).ok())
    inside = keyring(one.run().ok())
    assert inside[1:] == ("keyring", 0, 0x3f1b0000, f"_ses.{one.id}") and inside[0] != host[0]


def test_no_new_keyring_keeps_the_callers(box, programs):
    one = with_program(box("keyrings"), programs, "keyrings")
    assert keyring(one.run("--no-new-keyring").ok())[0] == keyring(call([programs["keyrings"]]).ok())[0]


def test_exec_joins_the_keyring(box, programs):
    one = with_program(box("sh", "-c", "keyrings >/first; sleep 1000"), programs, "keyrings")
    one.detached()
    first = one.wait_file("/first")
    assert one.exec(one.id, "keyrings").ok() == first


def test_exec_keeps_the_callers_keyring_where_run_did(box, programs):
    one = with_program(box("sleep", "1000"), programs, "keyrings")
    one.detached("--no-new-keyring")
    assert keyring(one.exec(one.id, "keyrings").ok())[0] == keyring(call([programs["keyrings"]]).ok())[0]


def test_keyring_in_a_user_namespace(box, programs):
    one = with_program(box("sh", "-c", "keyrings >/tmp/first; sleep 1000"), programs, "keyrings").namespace("user")
    for kind in ("uidMappings", "gidMappings"):
        one.linux[kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for folder, _, _ in os.walk(one.root):
        os.chown(folder, 100000, 100000)
    one.detached()
    first = keyring(one.wait_file("/tmp/first"))
    assert first[3] == 0x3f1b0000 and first[4] == f"_ses.{one.id}"
    assert keyring(one.exec(one.id, "keyrings").ok())[0] == first[0]


PLANTER = r"""
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
/* Keyrings of one name, which everybody may search, for as long as the standard input is open. */
int main(int argc, char **argv)
{
	char byte;
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
	for (int i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "parent%d", i);
		long parent = syscall(SYS_add_key, "keyring", name, 0, 0L, KEY_SPEC_SESSION_KEYRING);
		long key = syscall(SYS_add_key, "keyring", argv[1], 0, 0L, parent);
		if (parent < 0 || key < 0 || syscall(SYS_keyctl, KEYCTL_SETPERM, key, i == 2 ? 0x3f080808 : 0x3f3f3f3f) < 0)
			return 1;
		printf("%ld\n", key);
	}
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}
"""


@contextlib.contextmanager
def planted(workshop, one, *prefix):
    program = compile_c(workshop, "planter", PLANTER)
    holder = subprocess.Popen([*prefix, program, f"_ses.{one.id}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield [int(holder.stdout.readline()) for _ in range(3)]
    finally:
        holder.communicate()


def test_keyring_that_another_user_made(box, programs, workshop):
    """An unprivileged user who guesses the name does not get to share the container's keys, at the start or later."""
    one = with_program(box("sh", "-c", "keyrings >/first; sleep 1000"), programs, "keyrings")
    other = ["setpriv", "--reuid=54321", "--regid=54322", "--clear-groups"]
    with planted(workshop, one, *other) as keys:
        one.detached()
        first = keyring(one.wait_file("/first"))
        assert first[0] not in keys and first[1:4] == ("keyring", 0, 0x3f1b0000)
        assert keyring(one.exec(one.id, "keyrings").ok()) == first
    with planted(workshop, one, *other) as keys:
        assert keyring(one.exec(one.id, "keyrings").ok()) == first


def test_kernel_without_keyrings(box):
    """A seccomp policy that knows no keyctl is what a container in a container meets."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    one = box("echo", "hello")
    one.write()
    done = call(["strace", "-f", "-o", "/dev/null", "-e", "trace=keyctl", "-e", "inject=keyctl:error=ENOSYS",
                 *one.argv("run", "--bundle", one.bundle, one.id)])
    assert done.ok() == "hello\n" and "keyring" in done.err
    done = call(["strace", "-f", "-o", "/dev/null", "-e", "trace=keyctl", "-e", "inject=keyctl:error=EDQUOT",
                 *one.argv("run", "--bundle", one.bundle, one.id)])
    done.failed("--no-new-keyring")


# --- orphans ---

def parent_of_the_orphan(one, *flags):
    """Runs a container without a PID namespace whose orphan outlives its parent; the orphan's parent."""
    one.write()
    with subprocess.Popen(list(map(str, one.argv("run", *flags, "--bundle", one.bundle, one.id)))) as child:
        pid = int(one.wait_file("/orphan"))
        wait_for(lambda: (one.root / "left").exists(), "the parent's end")
        time.sleep(0.1)
        status = Path(f"/proc/{pid}/status").read_text()
        parent = int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])
        os.kill(pid, 9)

        def gone():
            try:
                return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() and None
            except FileNotFoundError:
                return True

        reaped = True
        if parent == child.pid:
            reaped = wait_for(gone, "the orphan to be reaped")
        (one.root / "end").touch()
        assert child.wait(TIMEOUT_S) == 7
        return parent == child.pid, reaped


def orphaned(box):
    one = box("sh", "-c", "sh -c 'sleep 1000 & echo $! >/orphan'; touch /left; "
                          "while [ ! -e /end ]; do sleep 0.05; done; exit 7")
    return one.without_namespace("pid")


def test_foreground_reaps_orphans(box):
    assert parent_of_the_orphan(orphaned(box)) == (True, True)


def test_no_subreaper_leaves_orphans_to_others(box):
    assert parent_of_the_orphan(orphaned(box), "--no-subreaper")[0] is False


def test_own_pid_namespace_needs_no_subreaper(box):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    one = box("true")
    one.write()
    trace = one.bundle / "trace"
    call(["strace", "-f", "-o", trace, "-e", "trace=prctl", *one.argv("run", "--bundle", one.bundle, one.id)]).ok()
    assert "PR_SET_CHILD_SUBREAPER" not in trace.read_text()
