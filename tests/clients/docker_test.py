"""Docker's daemon, driven by Docker's client, keeps containers by way of the runtime under test."""
import json
import re
import time

import pytest

from conftest import WAITER
from place import exec_words, wait_for


@pytest.fixture
def box(docker):
    """A container that waits; yields its name and removes it."""
    name = f"box-{time.monotonic_ns()}"
    docker("run", "-d", "--name", name, "box", "sh", "-c", WAITER)
    yield name
    docker.attempt("rm", "-f", name)


@pytest.fixture(autouse=True)
def nothing_left(docker):
    """Each test leaves no container behind, running or ended."""
    yield
    left = docker("ps", "-aq").split()
    if left:
        docker.attempt("rm", "-f", *left)
    assert not left, f"left: {left}"


def test_the_runtime_is_the_one_under_test(docker, box):
    assert docker.inspect(box, "{{.HostConfig.Runtime}}") == "tested"
    assert json.loads(docker("info", "--format", "{{json .Runtimes}}"))["tested"]["path"] == docker.runtime


# --- run ---

def test_run(docker):
    assert docker("run", "--rm", "box", "echo", "hello") == "hello\n"
    data = bytes(range(256)) * 512
    assert docker("run", "--rm", "-i", "box", "cat", stdin=data) == data


def test_outputs_stay_apart(docker):
    done = docker.attempt("run", "--rm", "box", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_run_on_a_terminal(docker):
    status, shown = docker.terminal("run", "--rm", "-it", "box", "sh", size=(31, 97), conversation=[
        ("# ", "tty; until stty size | grep 31.97; do sleep 0.1; done; echo $((40 + 2))\n"), ("42", "exit 9\n")])
    assert status == 9, shown
    assert ("/dev/pts/0" in shown or "/dev/console" in shown) and "31 97" in shown, shown


def test_interrupt_from_a_terminal(docker):
    status, shown = docker.terminal("run", "--rm", "-it", "box", "sh", "-c", "trap 'exit 5' INT; echo up; sleep 20 & wait",
                                    conversation=[("up", "\x03")])
    assert status == 5, shown


@pytest.mark.parametrize("words, status, says", [
    (["absent"], 127, "executable file not found in .PATH"), (["/srv/absent"], 127, "no such file or directory"),
    (["/srv/not-executable"], 126, "permission denied"), (["/srv"], 126, "permission denied|is a directory"),
    (["/srv/no-interpreter"], 127, "no such file or directory"), (["/srv/crlf"], 127, "no such file or directory"),
    (["--user", "app", "/srv/closed/script"], 126, "permission denied"), (["/srv/foreign"], 125, "exec format error")])
def test_run_errors(docker, words, status, says):
    """Docker takes its status from the runtime's words; of an unknown format it knows nothing, hence 125."""
    done = docker.attempt("run", "--rm", *exec_words("box", words))
    assert (done.returncode, bool(re.search(says, done.stderr, re.I))) == (status, True), done


def test_what_it_is_given(docker):
    shown = docker("run", "--rm", "-e", "WORD=said", "-w", "/made/for/it", "--hostname", "inside", "--user", "app:2000", "--init",
                   "--tmpfs", "/scratch:size=1m", "--read-only", "--sysctl", "kernel.msgmax=4444", "box", "sh", "-c",
                   "echo $WORD; pwd; hostname; id -u; id -g; cat /proc/1/comm; cat /proc/sys/kernel/msgmax; "
                   "grep -c ' /scratch tmpfs .*size=1024k' /proc/mounts; touch /srv/x 2>&1; true")
    assert shown.splitlines()[:8] == ["said", "/made/for/it", "inside", "1000", "2000", "docker-init", "4444", "1"]
    assert "Read-only file system" in shown


def test_capabilities_and_seccomp(docker):
    def field(name, *flags):
        return docker("run", "--rm", *flags, "box", "grep", name, "/proc/self/status").split()[1]

    chown, net_admin = 1 << 0, 1 << 12
    some = int(field("CapEff", "--cap-drop", "chown", "--cap-add", "net_admin"), 16)
    assert some & net_admin and not some & chown
    assert int(field("CapEff"), 16) & (chown | net_admin) == chown
    assert field("Seccomp") == "2" and field("Seccomp", "--security-opt", "seccomp=unconfined") == "0"
    assert field("NoNewPrivs", "--security-opt", "no-new-privileges") == "1"


def test_volume(docker):
    (docker.scratch / "shared").mkdir(exist_ok=True)
    docker("run", "--rm", "-v", "/scratch/shared:/mnt/deep", "box", "sh", "-c", "echo back >/mnt/deep/taken")
    assert (docker.scratch / "shared" / "taken").read_text() == "back\n"
    done = docker.attempt("run", "--rm", "-v", "/scratch/shared:/mnt:ro", "box", "touch", "/mnt/no")
    assert done.returncode == 1 and "Read-only" in done.stderr


def test_bridge_network(docker):
    docker("run", "-d", "--name", "server", "--network", "bridge", "box", "sh", "-c",
           "while :; do echo over the bridge | nc -l -p 8080; done")
    address = docker.inspect("server", "{{.NetworkSettings.IPAddress}}")
    script = f"for i in 1 2 3 4 5 6 7 8 9 10; do nc -w 2 {address} 8080 </dev/null && exit; sleep 0.2; done; exit 1"
    assert docker("run", "--rm", "--network", "bridge", "box", "sh", "-c", script) == "over the bridge\n"
    docker("rm", "-f", "server")


# --- limits ---

def limit(docker, name, v1, v2):
    return docker("exec", name, "sh", "-c", f"cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}").strip()


def test_limits_and_update(docker):
    docker("run", "-d", "--name", "small", "--memory", "48m", "--cpus", "0.5", "--pids-limit", "40", "--cpuset-cpus", "0",
           "--cpu-shares", "512", "box", "sh", "-c", WAITER)
    memory = ("memory/memory.limit_in_bytes", "memory.max")
    cpu = ("cpu/cpu.cfs_quota_us", "cpu.max")
    pids = ("pids/pids.max", "pids.max")
    assert limit(docker, "small", *memory) == str(48 << 20)
    assert limit(docker, "small", *cpu).split()[0] == "50000"
    assert limit(docker, "small", *pids) == "40"
    assert docker("exec", "small", "grep", "Cpus_allowed_list", "/proc/1/status").split()[1] == "0"
    docker("update", "--memory", "64m", "--memory-swap", "128m", "--cpus", "0.75", "--pids-limit", "50", "small")
    assert limit(docker, "small", *memory) == str(64 << 20)
    assert limit(docker, "small", *cpu).split()[0] == "75000"
    assert limit(docker, "small", *pids) == "50"
    docker("rm", "-f", "small")


def test_out_of_memory_kills(docker):
    docker("run", "--name", "greedy", "--memory", "24m", "--memory-swap", "24m", "box", "sh", "-c",
           "dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?", status=137)
    assert docker.inspect("greedy", "{{.State.ExitCode}}") == "137"
    docker("rm", "greedy")


def test_pids_limit_is_felt(docker):
    done = docker.attempt("run", "--rm", "--pids-limit", "8", "box", "sh", "-c",
                          "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done; echo all")
    assert "can't fork" in done.stderr, done


def test_stats(docker):
    docker("run", "-d", "--name", "measured", "--memory", "64m", "box", "sh", "-c", "while :; do :; done")
    one = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", "measured"))
    assert one["MemUsage"].endswith("/ 64MiB") and one["PIDs"] == "1", one
    assert float(one["CPUPerc"].rstrip("%")) > 5, one
    docker("rm", "-f", "measured")


# --- a container's life ---

def test_create_then_start(docker):
    docker("create", "--name", "two-steps", "box", "sh", "-c", "echo started; exit 6")
    assert docker.inspect("two-steps", "{{.State.Status}}") == "created"
    for times in (1, 2):
        docker("start", "-a", "two-steps", status=6)
        assert docker("logs", "two-steps") == "started\n" * times
    docker("rm", "two-steps")


def test_stop_lets_it_finish(docker, box):
    docker("stop", "-t", "10", box)
    assert docker.inspect(box, "{{.State.ExitCode}}") == "3"


def test_stop_kills_in_the_end(docker):
    docker("run", "-d", "--name", "deaf", "box", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    docker("stop", "-t", "1", "deaf")
    assert docker.inspect("deaf", "{{.State.ExitCode}}") == "137"
    docker("rm", "deaf")


def test_kill_and_wait(docker):
    docker("run", "-d", "--name", "listener", "box", "sh", "-c", "trap 'exit 8' USR1; echo up; while :; do sleep 0.1; done")
    wait_for(lambda: "up" in docker("logs", "listener"), "the trap")
    docker("kill", "-s", "USR1", "listener")
    assert docker("wait", "listener") == "8\n"
    docker("rm", "listener")


def test_start_again(docker, box):
    docker("stop", "-t", "5", box)
    docker("start", box)
    assert docker("exec", box, "echo", "again") == "again\n"


def test_restart(docker, box):
    first = docker.inspect(box, "{{.State.Pid}}")
    docker("restart", "-t", "5", box)
    assert docker.inspect(box, "{{.State.Status}}") == "running"
    assert docker.inspect(box, "{{.State.Pid}}") != first


def test_restart_policy(docker):
    docker("run", "-d", "--name", "stubborn", "--restart", "on-failure:2", "box", "sh", "-c", "echo try; exit 1")
    wait_for(lambda: docker("logs", "stubborn") == "try\n" * 3, "two restarts")
    docker("rm", "-f", "stubborn")


def test_pause(docker, box):
    docker("exec", "-d", box, "sh", "-c", "while :; do date +%s%N >/srv/beat; sleep 0.05; done")
    wait_for(lambda: docker.attempt("exec", box, "test", "-s", "/srv/beat").returncode == 0, "the beat")
    folder = docker.inspect(box, "{{.GraphDriver.Data.UpperDir}}")
    docker("pause", box)
    assert docker.inspect(box, "{{.State.Status}}") == "paused"
    assert docker.attempt("exec", box, "true").returncode != 0
    seen = docker.shell(f"cat {folder}/srv/beat; sleep 0.5; cat {folder}/srv/beat").stdout.split()
    assert len(seen) == 2 and seen[0] == seen[1]
    docker("unpause", box)
    assert docker.inspect(box, "{{.State.Status}}") == "running"
    wait_for(lambda: docker("exec", box, "cat", "/srv/beat").split() != seen[:1], "the next beat")


def test_top_and_ps(docker, box):
    assert "sleep 0.1" in docker("top", box)
    assert box in docker("ps", "--format", "{{.Names}}")


def test_remove_of_a_running_one(docker):
    docker("run", "-d", "--name", "doomed", "box", "sleep", "100")
    assert docker.attempt("rm", "doomed").returncode != 0
    docker("rm", "-f", "doomed")
    docker("inspect", "doomed", status=1)


def test_removal_leaves_no_cgroup(docker, box):
    pattern = f"find /sys/fs/cgroup -type d -name '{docker.inspect(box, '{{.Id}}')}'"
    assert docker.shell(pattern).stdout
    docker("rm", "-f", box)
    assert docker.shell(pattern).stdout == ""


def test_copy(docker, box):
    (docker.scratch / "carried").write_text("carried in\n")
    docker("cp", "/scratch/carried", f"{box}:/srv/carried")
    assert docker("exec", box, "cat", "/srv/carried") == "carried in\n"


# --- exec ---

def test_exec(docker, box):
    assert docker("exec", "-i", box, "cat", stdin="piped\n") == "piped\n"
    assert docker("exec", "--user", "app", "-w", "/srv", "-e", "WORD=said", box, "sh", "-c",
                  "id -u; pwd; echo $WORD") == "1000\n/srv\nsaid\n"
    docker("exec", box, "sh", "-c", "exit 200", status=200)
    docker("exec", box, "sh", "-c", "kill -KILL $$", status=137)


def test_exec_on_a_terminal(docker, box):
    status, shown = docker.terminal("exec", "-it", box, "sh", size=(22, 66), conversation=[
        ("# ", "tty; until stty size | grep 22.66; do sleep 0.1; done\n"), ("22 66", "exit 12\n")])
    assert status == 12, shown
    assert "/dev/pts/" in shown


def test_exec_detached(docker, box):
    docker("exec", "-d", box, "sh", "-c", "echo done >/srv/flag")
    wait_for(lambda: docker.attempt("exec", box, "cat", "/srv/flag").stdout == "done\n", "the detached exec")


@pytest.mark.parametrize("terminal", [False, True], ids=["", "terminal"])
@pytest.mark.parametrize("words, says", [
    (["absent"], "executable file not found in .PATH"), (["/srv/absent"], "no such file or directory"),
    (["/srv/not-executable"], "permission denied"), (["/srv"], "permission denied|is a directory"),
    (["/srv/no-interpreter"], "no such file or directory"), (["/srv/crlf"], "no such file or directory"),
    (["/srv/foreign"], "exec format error"), (["-w", "/absent", "true"], "no such file or directory"),
    (["-w", "/etc/passwd", "true"], "not a directory")])
def test_exec_errors(docker, box, words, says, terminal):
    """Docker 20.10 has one status for every exec that did not start."""
    if terminal:
        code, shown = docker.terminal("exec", "-it", *exec_words(box, words))
    else:
        done = docker.attempt("exec", *exec_words(box, words))
        code, shown = done.returncode, done.stdout + done.stderr
    assert (code, bool(re.search(says, shown, re.I))) == (126, True), (code, shown)
    assert docker("exec", box, "echo", "unharmed") == "unharmed\n"
