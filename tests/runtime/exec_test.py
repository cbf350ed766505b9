"""exec: into a running container."""
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from box import TIMEOUT_S, cgroup_folders, cgroup_v1, hierarchies, wait_for


@pytest.fixture
def running(box):
    return box("sleep", "1000").detached()


@pytest.mark.parametrize("status", [0, 1, 42, 127, 255])
def test_exit_status(running, status):
    assert running.inside(f"exit {status}").status == status


@pytest.mark.parametrize("name, number", [("TERM", 15), ("KILL", 9), ("SEGV", 11)])
def test_exit_status_of_a_signal(running, name, number):
    assert running.inside(f"kill -{name} $$; sleep 5").status == 128 + number


def test_streams(running):
    done = running.inside("cat; echo to-err >&2", stdin=b"through")
    assert (done.out, done.err) == ("through", "to-err\n")


def test_environment_is_the_containers(box):
    one = box("sleep", "1000")
    one.process["env"] = ["PATH=/bin", "A=1", "B=2"]
    one.detached()
    words = one.exec("--env", "B=3", "--env", "C=4", one.id, "/bin/env").ok().split()
    assert {"PATH=/bin", "A=1", "C=4", "HOME=/root"} <= set(words)
    assert [w for w in words if w.startswith("B=")] == ["B=3"]


def test_cwd(box):
    one = box("sleep", "1000")
    one.process["cwd"] = "/var"
    one.detached()
    assert one.inside("pwd").ok() == "/var\n"
    assert one.exec("--cwd", "/usr", one.id, "pwd").ok() == "/usr\n"


@pytest.mark.parametrize("word, wanted", [("1000", "1000:0"), ("1000:2000", "1000:2000"), ("0:5", "0:5")])
def test_user(running, word, wanted):
    assert running.exec("--user", word, running.id, "sh", "-c", "echo $(id -u):$(id -g)").ok() == wanted + "\n"


@pytest.mark.parametrize("word", ["", "x", "1000:", ":5", "-1", "4294967296", "99999999999999999999", "1:2:3", "1 "])
def test_wrong_user(running, word):
    running.exec(f"--user={word}", running.id, "true").failed()


def test_home_of_the_user(running):
    assert running.exec("--user", "1000", running.id, "sh", "-c", "echo $HOME").ok() == "/home/dev\n"


def test_additional_groups(running):
    words = running.exec("-u", "1000:1000", "-g", "5", "-g", "2000", running.id, "id", "-G").ok().split()
    assert sorted(map(int, words)) == [5, 1000, 2000]


def test_capabilities_are_the_containers(running):
    mine = running.inside("grep Cap /proc/self/status").ok()
    assert mine == running.inside("grep Cap /proc/1/status").ok()


def test_one_more_capability(running):
    before = running.inside("grep CapEff /proc/self/status").ok()
    after = running.exec("--cap", "CAP_NET_ADMIN", running.id, "grep", "CapEff", "/proc/self/status").ok()
    assert int(after.split()[1], 16) & (1 << 12) and not int(before.split()[1], 16) & (1 << 12)
    done = running.exec("--cap", "CAP_NOPE", "--cap", "CAP_NET_ADMIN", running.id, "grep", "CapEff", "/proc/self/status")
    assert done.ok() == after and "unknown capabilities ignored: CAP_NOPE" in done.err


def test_no_new_privileges(running):
    assert running.exec("--no-new-privs", running.id, "grep", "NoNewPrivs", "/proc/self/status").ok().split()[1] == "1"


def test_no_new_privileges_of_the_container(box):
    one = box("sleep", "1000")
    one.process["noNewPrivileges"] = True
    one.detached()
    assert one.inside("grep NoNewPrivs /proc/self/status").ok().split()[1] == "1"


@pytest.mark.parametrize("kind", ["mnt", "net", "uts", "pid", "ipc", "cgroup", "user"])
def test_namespaces(running, kind):
    assert running.exec(running.id, "readlink", f"/proc/self/ns/{kind}").ok().strip() == os.readlink(
        f"/proc/{running.pid()}/ns/{kind}")


def test_cgroups(running):
    def of(text):
        return sorted(line.split(":", 1)[1] for line in text.splitlines())
    mine = of(running.exec(running.id, "cat", "/proc/self/cgroup").ok())
    assert mine == of(Path(f"/proc/{running.pid()}/cgroup").read_text())
    assert all(line.endswith(running.cgroup) for line in mine), mine


def test_limits_of_the_container(box):
    one = box("sleep", "1000")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 123, "hard": 456}]
    one.process["oomScoreAdj"] = 300
    one.process["user"]["umask"] = 0o27
    one.detached()
    assert one.inside("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask").ok().split() == [
        "123", "456", "300", "0027"]


def test_process_file(running):
    file = running.bundle / "process.json"
    file.write_text(json.dumps({
        "args": ["sh", "-c", "pwd; id -u; echo $A; grep CapEff /proc/self/status; ulimit -Sn"], "cwd": "/usr",
        "user": {"uid": 1000, "gid": 1000}, "env": ["PATH=/bin", "A=b c"],
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 99}]}))
    assert running.exec("--process", file, running.id).ok().split() == [
        "/usr", "1000", "b", "c", "CapEff:", "0" * 16, "99"]


@pytest.mark.parametrize("text, word", [("{", "process.json"), ('{"cwd": "/", "args": 3}', "args"),
                                        ('{"cwd": "/", "user": {"uid": 0, "gid": 0}, "args": []}', "args"),
                                        ('{"cwd": "x", "args": ["true"], "user": {"uid": 0, "gid": 0}}', "cwd"), ("", "process.json")])
def test_wrong_process_file(running, text, word):
    file = running.bundle / "process.json"
    file.write_text(text)
    running.exec("--process", file, running.id).failed(word)


def test_absent_process_file(running):
    running.exec("--process", "/no/such.json", running.id).failed("/no/such.json")


def test_no_command(running):
    running.exec(running.id).failed()


def test_options_of_the_command(running):
    assert running.exec(running.id, "echo", "--user", "-d", "--", "-p").ok() == "--user -d -- -p\n"


def test_detach_and_pid_file(running):
    file = running.bundle / "exec.pid"
    start = time.monotonic()
    running.exec("--detach", "--pid-file", file, running.id, "sh", "-c", "echo up > /up; sleep 1000").ok()
    assert time.monotonic() - start < 5
    running.wait_file("/up")
    pid = int(file.read_text())
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{running.pid()}/ns/pid")
    os.kill(pid, 9)


def test_detached_failure_is_told(running):
    running.exec("--detach", running.id, "/no/such").failed("/no/such")


def test_ends_though_a_background_child_holds_the_pipe(running):
    reader, writer = os.pipe()
    child = subprocess.Popen(running.argv("exec", running.id, "sh", "-c", "sleep 1000 & echo done"), stdout=writer,
                             stderr=writer, stdin=subprocess.DEVNULL)
    os.close(writer)
    try:
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
    assert os.read(reader, 100) == b"done\n"
    os.close(reader)


def test_preserved_descriptors(running):
    def prepare():
        for number in range(3, 8):
            os.dup2(2, number, inheritable=True)
    done = running.inside("ls /proc/self/fd | wc -l; ls -l /proc/self/fd/3 /proc/self/fd/4 /proc/self/fd/5 | wc -l",
                          "--preserve-fds", 2, close_fds=False, preexec_fn=prepare)
    # 0 1 2, two preserved, and ls's own; /proc/self/fd/5 is ls's folder in the first alone.
    assert done.out.split()[0] == "6", done


def test_standard_descriptors_alone(running):
    def prepare():
        for number in range(3, 9):
            os.dup2(2, number, inheritable=True)
    assert running.inside("ls /proc/self/fd | wc -l", close_fds=False, preexec_fn=prepare).out.strip() == "4"


def test_signals_are_forwarded(running):
    child = subprocess.Popen(running.argv("exec", running.id, "sh", "-c",
                                          "trap 'exit 6' TERM; echo up > /up; while :; do sleep 0.02; done"),
                             stdin=subprocess.DEVNULL)
    running.wait_file("/up")
    child.terminate()
    assert child.wait(TIMEOUT_S) == 6


def test_in_a_created_container(box):
    one = box("sleep", "1000")
    one.create().ok()
    done = one.exec(one.id, "echo", "hello")
    assert done.out == "hello\n" or (done.status != 0 and "created" in done.err), done


def test_in_a_stopped_container(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.exec(one.id, "true").failed("stopped")


def test_container_goes_away_meanwhile(running):
    child = subprocess.Popen(running.argv("exec", running.id, "sleep", "1000"), stdin=subprocess.DEVNULL)
    time.sleep(0.3)
    running.delete("--force").ok()
    assert child.wait(TIMEOUT_S) == 137


def test_beneath_the_containers_cgroup(running):
    done = running.exec("--cgroup", "/sub", running.id, "cat", "/proc/self/cgroup")
    if done.status == 0:
        assert f"{running.cgroup}/sub" in done.out
    else:
        assert "sub" in done.err, done


@pytest.mark.parametrize("word", ["../..", "/../x", "a/../../.."])
def test_cgroup_outside_the_container(running, word):
    done = running.exec("--cgroup", word, running.id, "cat", "/proc/self/cgroup")
    assert done.status != 0, done
    assert not any((top / "x").exists() for top in hierarchies())


def test_many_at_once(running):
    children = [subprocess.Popen(running.argv("exec", running.id, "sh", "-c", f"exit {i}"), stdin=subprocess.DEVNULL)
                for i in range(20)]
    assert [child.wait(TIMEOUT_S) for child in children] == list(range(20))


@pytest.mark.parametrize("flag", ["--apparmor=x", "--process-label=x:y:z"])
def test_refused_labels(running, flag):
    running.exec(flag, running.id, "true").failed("not")


def test_seccomp_of_the_container(box):
    one = box("sleep", "1000")
    one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    one.detached()
    assert "not permitted" in one.inside("mkdir /tmp/x").failed()


def test_masked_paths_hold(running):
    assert running.inside("cat /proc/keys; stat -c %t:%T /proc/keys").ok() == "1:3\n"


# --- what runc's users expect of the options ---

def in_groups(one, *flags):
    return one.exec(*flags, one.id, "sh", "-c", "echo $(id -u) $(id -g); id -G").ok().split("\n")[:2]


def test_user_alone_keeps_the_groups(box):
    one = box("sleep", "1000")
    one.process["user"] = {"uid": 0, "gid": 5, "additionalGids": [7, 8]}
    one.detached()
    assert in_groups(one, "--user", "1000") == ["1000 5", "5 7 8"]
    assert in_groups(one, "--user", "1000:6") == ["1000 6", "6 7 8"]


def test_additional_gids_are_added(box):
    one = box("sleep", "1000")
    one.process["user"] = {"uid": 0, "gid": 5, "additionalGids": [7]}
    one.detached()
    assert in_groups(one, "-g", "20", "--additional-gids", "21") == ["0 5", "5 7 20 21"]
    one.exec("-g", "x", one.id, "true").failed("--additional-gids")


@pytest.mark.parametrize("config, flag, wanted", [(False, [], "0"), (True, [], "1"), (False, ["--no-new-privs"], "1"),
                                                  (True, ["--no-new-privs=false"], "0")])
def test_no_new_privs_may_be_taken_back(box, config, flag, wanted):
    one = box("sleep", "1000")
    one.process["noNewPrivileges"] = config
    one.detached()
    assert one.inside("grep NoNewPrivs /proc/self/status", *flag).ok().split() == ["NoNewPrivs:", wanted]


def test_cap_is_ambient_where_any_is_inheritable(box):
    one = box("sleep", "1000")
    for kind in ("inheritable", "ambient", "permitted", "effective", "bounding"):
        one.process["capabilities"][kind] = ["CAP_NET_RAW"]
    one.process["user"] = {"uid": 1000, "gid": 1000}
    one.detached()
    caps = dict(line.split(":\t") for line in one.inside("grep ^Cap /proc/self/status").ok().splitlines())
    assert int(caps["CapAmb"], 16) == 1 << 13
    caps = dict(line.split(":\t") for line in one.inside("grep ^Cap /proc/self/status", "--cap", "CAP_NET_RAW").ok().splitlines())
    assert int(caps["CapAmb"], 16) == int(caps["CapEff"], 16) == 1 << 13


@pytest.mark.parametrize("words, moved", [(["inner"], {"memory", "pids"}), (["memory:inner"], {"memory"}),
                                          (["memory,pids:inner"], {"memory", "pids"}),
                                          (["memory:inner", "pids:inner"], {"memory", "pids"})])
def test_cgroup_by_controller(box, words, moved):
    one = box("sleep", "1000")
    one.detached()
    if not cgroup_v1("memory") or not cgroup_v1("pids"):
        pytest.skip("no controllers of cgroup v1")
    for folder in cgroup_folders(one.cgroup):
        (folder / "inner").mkdir()
        for file in ("cpuset.cpus", "cpuset.mems"):  # a new one of version 1 has none
            if (folder / file).exists() and not (folder / "inner" / file).read_text().strip():
                (folder / "inner" / file).write_text((folder / file).read_text())
    text = one.exec(*[f"--cgroup={word}" for word in words], one.id, "cat", "/proc/self/cgroup").ok()
    found = {line.split(":")[1]: line.split(":")[2] for line in text.splitlines()}
    assert {name for name in ("memory", "pids") if found[name].endswith("/inner")} == moved


@pytest.mark.parametrize("words, said", [(["nope:x"], "nope"), (["a", "b"], "needs controllers"), (["memory:a", "memory:b"], "already"),
                                         (["memory:none"], "none")])
def test_wrong_cgroup(box, words, said):
    one = box("sleep", "1000")
    one.detached()
    if not cgroup_v1("memory"):
        pytest.skip("no controllers of cgroup v1")
    one.exec(*[f"--cgroup={word}" for word in words], one.id, "true").failed(said, status=255)


def test_signal_0_asks_whether_it_lives(box):
    one = box("sleep", "1000")
    one.detached()
    one.kill("0").ok()
    assert one.status() == "running"


def test_kill_leaves_nothing_running_without_a_pid_namespace(box):
    one = box("sh", "-c", "sleep 1000 & touch /up; wait").without_namespace("pid")
    one.detached()
    wait_for(lambda: (one.root / "up").exists(), "the second process")
    pids = json.loads(one.runtime("ps", "-f", "json", one.id).ok())
    assert len(pids) == 2
    one.kill("KILL").ok()
    wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), "the end of both")
