"""Podman runs, execs, limits, stops and removes containers by way of the runtime under test."""
import json
import re
import subprocess
import time

import pytest

from conftest import WAITER
from place import exec_words, wait_for


def v1_or_v2(v1, v2):
    return f"cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}"


@pytest.fixture
def box(podman):
    """A container that waits; yields its name and removes it."""
    name = f"box-{time.monotonic_ns()}"
    podman("run", "-d", "--name", name, "box", "sh", "-c", WAITER)
    yield name
    podman.attempt("rm", "-f", "-t", "0", name)


@pytest.fixture(autouse=True)
def nothing_left(podman):
    """Each test leaves no container behind."""
    yield
    left = json.loads(podman("ps", "-a", "--format", "json", "--filter", "status=running") or "[]")
    for container in left:
        podman.attempt("rm", "-f", "-t", "0", container["Id"])
    assert not left, f"left running: {[c['Names'] for c in left]}"


# --- run ---

def test_run_prints(podman):
    assert podman("run", "--rm", "box", "echo", "hello") == "hello\n"


def test_run_reads_stdin(podman):
    assert podman("run", "--rm", "-i", "box", "cat", stdin="from outside\n") == "from outside\n"


def test_run_passes_every_byte(podman):
    data = bytes(range(256)) * 4096
    assert podman("run", "--rm", "-i", "box", "cat", stdin=data) == data


def test_run_on_a_terminal(podman):
    # The size comes beside the start, and Podman may lose what a container says just before its end.
    script = "tty; until stty size | grep 31.97; do sleep 0.1; done; read status; exit $status"
    status, shown = podman.terminal("run", "--rm", "-it", "box", "sh", "-c", script, size=(31, 97), conversation=[("31 97", "4\n")])
    assert status == 4, shown
    assert "/dev/pts/0" in shown or "/dev/console" in shown


def test_run_converses_on_a_terminal(podman):
    status, shown = podman.terminal("run", "--rm", "-it", "box", "sh", conversation=[
        ("# ", "echo $((40 + 2))\n"), ("42", "exit 9\n")])
    assert status == 9, shown


def test_interrupt_from_a_terminal(podman):
    status, shown = podman.terminal("run", "--rm", "-it", "box", "sh", "-c", "trap 'exit 5' INT; echo up; sleep 20 & wait",
                                    conversation=[("up", "\x03")])
    assert status == 5, shown


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status(podman, status):
    podman("run", "--rm", "box", "sh", "-c", f"exit {status}", status=status)


def test_unknown_flag_is_125(podman):
    podman("run", "--rm", "--no-such-flag", "box", "true", status=125)


def test_command_not_found_is_127(podman):
    done = podman.attempt("run", "--rm", "box", "no-such-command")
    assert done.returncode == 127, done.stderr
    assert re.search("not found|no such file", done.stderr, re.I), done.stderr


def test_command_not_executable_is_126(podman):
    done = podman.attempt("run", "--rm", "box", "/srv/not-executable")
    assert done.returncode == 126, done.stderr
    assert re.search("permission denied", done.stderr, re.I), done.stderr


def test_killed_is_137(podman):
    podman("run", "--rm", "box", "sh", "-c", "sh -c 'kill -KILL $$'; exit $?", status=137)
    podman("run", "-d", "--name", "victim", "box", "sleep", "100")
    podman("kill", "victim")
    assert podman("wait", "victim") == "137\n"
    podman("rm", "victim")


def test_failed_start_leaves_nothing(podman):
    before = podman("ps", "-aq")
    podman("run", "--rm", "box", "no-such-command", status=127)
    assert podman("ps", "-aq") == before


# --- what the container is given ---

def test_environment_workdir_hostname(podman):
    script = "echo $GREETING; pwd; hostname"
    assert podman("run", "--rm", "-e", "GREETING=good day", "-w", "/srv", "--hostname", "inside", "box", "sh", "-c",
                  script) == "good day\n/srv\ninside\n"


def test_user(podman):
    assert podman("run", "--rm", "--user", "app", "box", "id").split()[:2] == ["uid=1000(app)", "gid=1000(app)"]
    assert podman("run", "--rm", "--user", "1234:4321", "box", "sh", "-c", "id -u; id -g") == "1234\n4321\n"
    groups = podman("run", "--rm", "--user", "app", "--group-add", "2000", "box", "id", "-G").split()
    assert "2000" in groups


def test_user_has_no_capabilities(podman):
    status = podman("run", "--rm", "--user", "app", "box", "grep", "-E", "Cap(Eff|Prm)", "/proc/self/status")
    assert set(re.findall(r"\t([0-9a-f]{16})", status)) == {"0" * 16}


def test_read_only(podman):
    done = podman.attempt("run", "--rm", "--read-only", "box", "touch", "/srv/x")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    # Podman gives a read-only container writable folders for its transient files.
    podman("run", "--rm", "--read-only", "box", "touch", "/tmp/x")


def test_volume(podman):
    folder = podman.scratch / "shared"
    folder.mkdir(exist_ok=True)
    (folder / "given").write_text("by the host\n")
    assert podman("run", "--rm", "-v", "/scratch/shared:/mnt/deep/er", "box", "sh", "-c",
                  "cat /mnt/deep/er/given; echo back > /mnt/deep/er/taken") == "by the host\n"
    assert (folder / "taken").read_text() == "back\n"
    done = podman.attempt("run", "--rm", "-v", "/scratch/shared:/mnt:ro", "box", "touch", "/mnt/no")
    assert done.returncode == 1 and "Read-only" in done.stderr


def test_volume_of_one_file(podman):
    (podman.scratch / "single").write_text("one file\n")
    assert podman("run", "--rm", "-v", "/scratch/single:/etc/single:ro", "box", "cat", "/etc/single") == "one file\n"


def test_named_volume(podman):
    podman("volume", "create", "keep")
    podman("run", "--rm", "-v", "keep:/data", "box", "sh", "-c", "echo kept > /data/file")
    assert podman("run", "--rm", "-v", "keep:/data", "box", "cat", "/data/file") == "kept\n"
    podman("volume", "rm", "keep")


def test_tmpfs(podman):
    line = podman("run", "--rm", "--tmpfs", "/scratch:size=1m,mode=1770,noexec", "box", "grep", " /scratch ", "/proc/mounts")
    assert line.startswith("tmpfs /scratch tmpfs ")
    for option in ("noexec", "size=1024k", "mode=1770"):
        assert option in line


def test_shm_size(podman):
    assert "size=2048k" in podman("run", "--rm", "--shm-size", "2m", "box", "grep", "/dev/shm", "/proc/mounts")


def test_cap_drop_and_add(podman):
    def effective(*flags):
        line = podman("run", "--rm", *flags, "box", "grep", "CapEff", "/proc/self/status")
        return int(line.split()[1], 16)

    chown, net_admin = 1 << 0, 1 << 12
    assert effective() & chown and not effective() & net_admin
    assert not effective("--cap-drop", "CHOWN") & chown
    assert effective("--cap-drop", "ALL") == 0
    assert effective("--cap-drop", "ALL", "--cap-add", "NET_ADMIN") == net_admin


def test_dropped_capability_is_felt(podman):
    done = podman.attempt("run", "--rm", "--cap-drop", "CHOWN", "box", "chown", "1000", "/srv")
    assert done.returncode == 1 and "Operation not permitted" in done.stderr


def test_seccomp(podman):
    assert "Seccomp:\t2" in podman("run", "--rm", "box", "cat", "/proc/self/status")
    assert "Seccomp:\t0" in podman("run", "--rm", "--security-opt", "seccomp=unconfined", "box", "cat", "/proc/self/status")


def test_no_new_privileges(podman):
    assert "NoNewPrivs:\t1" in podman("run", "--rm", "--security-opt", "no-new-privileges", "box", "cat",
                                      "/proc/self/status")


def test_masked_paths(podman):
    assert podman("run", "--rm", "box", "sh", "-c", "cat /proc/kcore | wc -c; ls /sys/firmware | wc -l").split() == ["0", "0"]
    done = podman.attempt("run", "--rm", "box", "sh", "-c", "echo 1 > /proc/sys/kernel/panic")
    assert "Read-only file system" in done.stderr


def test_sysctl(podman):
    assert podman("run", "--rm", "--sysctl", "kernel.shm_rmid_forced=1", "box", "cat",
                  "/proc/sys/kernel/shm_rmid_forced") == "1\n"


def test_ulimit(podman):
    limits = podman("run", "--rm", "--ulimit", "nofile=77:99", "--ulimit", "nproc=999:2000", "box", "cat",
                    "/proc/self/limits")
    assert re.search(r"Max open files +77 +99 ", limits)
    assert re.search(r"Max processes +999 +2000 ", limits)


def test_device(podman):
    assert podman("run", "--rm", "--device", "/dev/full", "box", "sh", "-c",
                  "test -c /dev/full && echo device").strip() == "device"
    done = podman.attempt("run", "--rm", "box", "sh", "-c", "mknod /tmp/kmsg c 1 11 && head -c1 /tmp/kmsg")
    assert done.returncode != 0


def test_standard_devices(podman):
    podman("run", "--rm", "box", "sh", "-c",
           "for d in null zero full random urandom tty; do test -c /dev/$d || exit 1; done; "
           "test -L /dev/fd -a -L /dev/stdin -a -L /dev/ptmx -a -d /dev/pts -a -d /dev/shm")


def test_privileged(podman):
    podman("run", "--rm", "--privileged", "box", "sh", "-c", "mount -t tmpfs none /mnt 2>/dev/null || mkdir /mnt && mount -t tmpfs none /mnt")


def test_own_namespaces(podman):
    script = "for n in mnt pid ipc uts net; do readlink /proc/self/ns/$n; done"
    inside = podman("run", "--rm", "box", "sh", "-c", script).split()
    outside = podman.shell(script).stdout.split()
    assert len(inside) == 5 and not set(inside) & set(outside)


def test_shared_namespaces(podman):
    script = "readlink /proc/self/ns/net; readlink /proc/self/ns/uts"
    outside = podman.shell(script).stdout
    assert podman("run", "--rm", "--network", "host", "--uts", "host", "box", "sh", "-c", script) == outside


def test_pid_one_and_init(podman):
    assert podman("run", "--rm", "box", "sh", "-c", "echo $$") == "1\n"
    assert podman("run", "--rm", "--init", "box", "sh", "-c", "cat /proc/1/comm").strip() == "podman-init"


def test_no_descriptor_leaks(podman):
    # 3 is the folder that ls itself reads.
    assert podman("run", "--rm", "box", "sh", "-c", "ls /proc/self/fd").split() == ["0", "1", "2", "3"]


def test_preserved_descriptors(podman):
    argv = podman.argv("run", "--rm", "--preserve-fds", "1", "box", "sh", "-c", "cat <&3")
    done = subprocess.run(["sh", "-c", 'exec "$@" 3</etc/hostname', "sh", *argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    with open("/etc/hostname") as file:
        assert done.stdout == file.read(), done.stderr


# --- limits ---

def test_memory_limit(podman):
    script = v1_or_v2("memory/memory.limit_in_bytes", "memory.max")
    assert podman("run", "--rm", "--memory", "48m", "box", "sh", "-c", script) == f"{48 << 20}\n"


def test_out_of_memory_kills(podman):
    podman("run", "--rm", "--memory", "24m", "--memory-swap", "24m", "box", "sh", "-c",
           "dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?", status=137)


def test_pids_limit(podman):
    done = podman.attempt("run", "--rm", "--pids-limit", "8", "box", "sh", "-c",
                          "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done; echo all")
    assert "can't fork" in done.stderr, done


def test_cpus(podman):
    script = v1_or_v2("cpu/cpu.cfs_quota_us", "cpu.max")
    assert podman("run", "--rm", "--cpus", "0.5", "box", "sh", "-c", script).split()[0] == "50000"


def test_cpuset(podman):
    assert podman("run", "--rm", "--cpuset-cpus", "0", "box", "grep", "Cpus_allowed_list", "/proc/self/status").split()[1] == "0"


def test_update(podman, box):
    podman("update", "--memory", "64m", box)
    script = v1_or_v2("memory/memory.limit_in_bytes", "memory.max")
    assert podman("exec", box, "sh", "-c", script) == f"{64 << 20}\n"


# --- a container's life ---

def test_create_then_start(podman):
    podman("create", "--name", "two-steps", "box", "sh", "-c", "echo started; exit 6")
    assert podman.inspect("two-steps", "{{.State.Status}}") in ("created", "configured")
    podman("start", "-a", "two-steps", status=6)
    assert podman("logs", "two-steps") == "started\n"
    podman("start", "-a", "two-steps", status=6)
    assert podman("logs", "two-steps") == "started\nstarted\n"
    podman("rm", "two-steps")


def test_init_then_start(podman):
    podman("create", "--name", "initialised", "box", "sh", "-c", "echo ran")
    podman("init", "initialised")
    assert podman.inspect("initialised", "{{.State.Status}}") in ("initialized", "created")
    assert podman("logs", "initialised") == ""
    podman("start", "-a", "initialised")
    assert podman("logs", "initialised") == "ran\n"
    podman("rm", "initialised")


def test_ps(podman, box):
    running = json.loads(podman("ps", "--format", "json"))
    entry = next(c for c in running if box in c["Names"])
    assert entry["State"] == "running"
    assert entry["Pid"] > 0
    podman("kill", box)
    wait_for(lambda: podman.inspect(box, "{{.State.Status}}") == "exited", "the end")
    assert box not in podman("ps", "--format", "{{.Names}}")
    assert box in podman("ps", "-a", "--format", "{{.Names}}")


def test_top(podman, box):
    assert "sh" in podman("top", box, "comm")


def test_stop_lets_it_finish(podman, box):
    podman("stop", "-t", "10", box)
    assert podman.inspect(box, "{{.State.ExitCode}}") == "3"


def test_stop_kills_in_the_end(podman):
    podman("run", "-d", "--name", "deaf", "box", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    began = time.monotonic()
    podman("stop", "-t", "1", "deaf")
    assert time.monotonic() - began < 15
    assert podman.inspect("deaf", "{{.State.ExitCode}}") == "137"
    podman("rm", "deaf")


def test_kill_with_a_signal(podman):
    podman("run", "-d", "--name", "listener", "box", "sh", "-c", "trap 'exit 8' USR1; echo up; while :; do sleep 0.1; done")
    wait_for(lambda: "up" in podman("logs", "listener"), "the trap")
    podman("kill", "-s", "USR1", "listener")
    assert podman("wait", "listener") == "8\n"
    podman("rm", "listener")


def test_wait_and_exit_code(podman):
    podman("run", "-d", "--name", "soon", "box", "sh", "-c", "sleep 0.5; exit 11")
    assert podman("wait", "soon") == "11\n"
    podman("rm", "soon")


def test_restart(podman):
    podman("run", "-d", "--name", "again", "box", "sh", "-c", "echo here; trap 'exit 0' TERM; while :; do sleep 0.1; done")
    first = podman.inspect("again", "{{.State.Pid}}")
    podman("restart", "-t", "5", "again")
    assert podman.inspect("again", "{{.State.Status}}") == "running"
    assert podman.inspect("again", "{{.State.Pid}}") != first
    wait_for(lambda: podman("logs", "again") == "here\nhere\n", "the second start")
    podman("rm", "-f", "-t", "0", "again")


def test_restart_policy(podman):
    podman("run", "-d", "--name", "stubborn", "--restart", "on-failure:2", "box", "sh", "-c", "echo try; exit 1")
    wait_for(lambda: podman("logs", "stubborn") == "try\n" * 3, "two restarts")
    podman("rm", "-f", "-t", "0", "stubborn")


def test_pause(podman, box):
    podman("pause", box)
    assert podman.inspect(box, "{{.State.Status}}") == "paused"
    podman("unpause", box)
    assert podman.inspect(box, "{{.State.Status}}") == "running"
    assert podman("exec", box, "echo", "alive") == "alive\n"


def test_pause_stops_its_work(podman, box):
    podman("exec", "-d", box, "sh", "-c", "while :; do date +%s%N >/srv/beat; sleep 0.05; done")
    wait_for(lambda: podman.attempt("exec", box, "test", "-s", "/srv/beat").returncode == 0, "the beat")
    folder = podman.inspect(box, "{{.GraphDriver.Data.MergedDir}}")
    podman("pause", box)
    assert podman.attempt("exec", box, "true").returncode != 0
    seen = podman.shell(f"cat {folder}/srv/beat; sleep 0.5; cat {folder}/srv/beat").stdout.split()
    assert len(seen) == 2 and seen[0] == seen[1]
    podman("unpause", box)
    wait_for(lambda: podman("exec", box, "cat", "/srv/beat").split() != seen[:1], "the next beat")


def test_stats(podman):
    podman("run", "-d", "--name", "measured", "--memory", "64m", "box", "sh", "-c", "while :; do :; done")
    wait_for(lambda: json.loads(podman("stats", "--no-stream", "--format", "json", "measured"))[0]["mem_usage"] != "0B / 0B",
             "a figure")
    one = json.loads(podman("stats", "--no-stream", "--format", "json", "measured"))[0]
    assert "67.11MB" in one["mem_usage"], one
    assert one["pids"] == "1", one
    podman("rm", "-f", "-t", "0", "measured")


def test_remove_of_a_running_one(podman):
    podman("run", "-d", "--name", "doomed", "box", "sleep", "100")
    assert podman.attempt("rm", "doomed").returncode != 0
    podman("rm", "-f", "-t", "0", "doomed")
    podman("inspect", "doomed", status=125)


def test_detached_logs(podman):
    podman("run", "-d", "--name", "talker", "box", "sh", "-c", "echo out; echo err >&2")
    podman("wait", "talker")
    done = podman.attempt("logs", "talker")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    podman("rm", "talker")


def test_attach(podman):
    podman("run", "-d", "-i", "--name", "attached", "box", "cat")
    assert podman("attach", "attached", stdin="echoed\n").strip() == "echoed"  # Podman adds an empty line
    podman("rm", "-f", "-t", "0", "attached")


def test_copy_and_diff(podman, box):
    (podman.scratch / "carried").write_text("carried in\n")
    podman("cp", "/scratch/carried", f"{box}:/srv/carried")
    assert podman("exec", box, "cat", "/srv/carried") == "carried in\n"
    assert "A /srv/carried" in podman("diff", box)


def test_many_at_once(podman):
    names = [f"crowd-{i}" for i in range(5)]
    for name in names:
        podman("run", "-d", "--name", name, "box", "sh", "-c", f"echo {name}; sleep 0.2")
    for name in names:
        assert podman("wait", name) == "0\n"
        assert podman("logs", name) == f"{name}\n"
    podman("rm", *names)


def test_hooks(podman):
    log = podman.scratch / "hooks.log"
    script = podman.scratch / "hook.sh"
    script.write_text('#!/bin/sh\necho "$1 $(cat | grep -o \'"status": *"[a-z]*"\' | tr -d \' \')" >> /scratch/hooks.log\n')
    script.chmod(0o755)
    files = []
    try:
        for stage in ("prestart", "createRuntime", "poststart", "poststop"):
            file = podman.scratch / "hooks.d" / f"{stage}.json"
            file.write_text(json.dumps({"version": "1.0.0", "hook": {"path": "/scratch/hook.sh", "args": ["hook", stage]},
                                        "when": {"always": True}, "stages": [stage]}))
            files.append(file)
        podman("run", "--rm", "box", "true")
        wait_for(lambda: "poststop" in log.read_text(), "the last hook")
    finally:
        for file in files:
            file.unlink()
    stages = [line.split()[0] for line in log.read_text().splitlines()]
    assert sorted(stages) == ["createRuntime", "poststart", "poststop", "prestart"]
    assert stages[-1] == "poststop" and stages.index("poststart") == 2
    assert '"status":"' in log.read_text()


# --- exec ---

def test_exec(podman, box):
    assert podman("exec", box, "echo", "inside") == "inside\n"
    assert podman("exec", "-i", box, "cat", stdin="piped\n") == "piped\n"


def test_exec_sees_the_container(podman, box):
    assert podman("exec", box, "sh", "-c", "readlink /proc/self/ns/pid") == podman("exec", box, "readlink", "/proc/1/ns/pid")
    mine = podman("exec", box, "cat", "/proc/self/cgroup")
    assert mine == podman("exec", box, "cat", "/proc/1/cgroup")


@pytest.mark.parametrize("status", [0, 7, 200])
def test_exec_exit_status(podman, box, status):
    podman("exec", box, "sh", "-c", f"exit {status}", status=status)


def test_exec_not_found_is_127(podman, box):
    done = podman.attempt("exec", box, "no-such-command")
    assert done.returncode == 127, done.stderr


def test_exec_not_executable_is_126(podman, box):
    done = podman.attempt("exec", box, "/srv/not-executable")
    assert done.returncode == 126, done.stderr


@pytest.mark.parametrize("words, status, says", [
    (["/srv/absent"], 127, "no such file"), (["absent"], 127, "not found|no such file"),
    (["/srv"], 126, "permission denied|is a directory"), (["/srv/no-interpreter"], 127, "no such file"),
    (["/srv/crlf"], 127, "no such file"), (["-w", "/absent", "true"], 127, "no such file"),
    (["/srv/foreign"], 255, "exec format error"), (["-w", "/etc/passwd", "true"], 255, "not a directory")])
def test_exec_errors(podman, box, words, status, says):
    """Podman takes its status from the runtime's words; where it knows them not, it is 255."""
    done = podman.attempt("exec", *exec_words(box, words))
    assert (done.returncode, bool(re.search(says, done.stderr, re.I))) == (status, True), done


def test_exec_killed_is_137(podman, box):
    podman("exec", box, "sh", "-c", "kill -KILL $$", status=137)


def test_exec_options(podman, box):
    assert podman("exec", "--user", "app", "-w", "/srv", "-e", "WORD=said", box, "sh", "-c",
                  "id -u; pwd; echo $WORD") == "1000\n/srv\nsaid\n"


def test_exec_on_a_terminal(podman, box):
    status, shown = podman.terminal("exec", "-it", box, "sh", size=(22, 66), conversation=[
        ("# ", "tty; until stty size | grep 22.66; do sleep 0.1; done\n"), ("22 66", "exit 12\n")])
    assert status == 12, shown
    assert "/dev/pts/" in shown


def test_exec_detached(podman, box):
    podman("exec", "-d", box, "sh", "-c", "echo done > /srv/flag")
    wait_for(lambda: podman.attempt("exec", box, "cat", "/srv/flag").stdout == "done\n", "the detached exec")


def test_exec_privileges(podman, box):
    line = podman("exec", "--user", "app", box, "grep", "CapEff", "/proc/self/status")
    assert int(line.split()[1], 16) == 0
    assert "Seccomp:\t2" in podman("exec", box, "cat", "/proc/self/status")


def test_exec_in_a_stopped_one(podman):
    podman("create", "--name", "idle", "box", "true")
    assert podman.attempt("exec", "idle", "true").returncode != 0
    podman("rm", "idle")


# --- pods ---

@pytest.fixture
def pod(podman):
    podman("pod", "create", "--name", "group", "--share", "ipc,uts,net", "--hostname", "together", "--network", "none")
    yield "group"
    podman("pod", "rm", "-f", "-t", "0", "group")


def test_pod_shares_namespaces(podman, pod):
    for name in ("first", "second"):
        podman("run", "-d", "--pod", pod, "--name", name, "box", "sleep", "100")
    for namespace, shared in (("ipc", True), ("uts", True), ("net", True), ("mnt", False), ("pid", False)):
        seen = {podman("exec", name, "readlink", f"/proc/self/ns/{namespace}") for name in ("first", "second")}
        assert (len(seen) == 1) == shared, namespace
    assert podman("exec", "second", "hostname") == "together\n"
    podman("pod", "stop", "-t", "0", pod)


def test_pod_talks_over_loopback(podman, pod):
    podman("run", "-d", "--pod", pod, "--name", "server", "box", "sh", "-c", "echo over the pod | nc -l -p 8080")
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do nc -w 2 127.0.0.1 8080 </dev/null && exit; sleep 0.2; done; exit 1"
    assert podman("run", "--rm", "--pod", pod, "box", "sh", "-c", script) == "over the pod\n"


def test_pod_lifecycle(podman, pod):
    podman("create", "--pod", pod, "--name", "member", "box", "sleep", "100")
    podman("pod", "start", pod)
    assert podman.inspect("member", "{{.State.Status}}") == "running"
    podman("pod", "stop", "-t", "0", pod)
    assert podman.inspect("member", "{{.State.Status}}") == "exited"
    assert "group" in podman("pod", "ps", "--format", "{{.Name}}")
