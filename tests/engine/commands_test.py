"""ps, exec, stop, kill, wait, logs, rm; and what is left after a kill -9 of anything."""
import json
import os
import pathlib
import signal
import time

import pytest

LOOP = "trap 'echo bye; exit 7' TERM; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"


def _monitor_pid(corten, one):
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("corten-monitor") and any(one in word for word in words):
            return int(entry.name)
    return None


def test_life_of_a_container(corten):
    one = corten.ok("run", "-d", "--name", "web", "bb", "sh", "-c", LOOP).strip()
    time.sleep(0.5)
    row = json.loads(corten.ok("ps", "--format", "json"))
    assert row["Names"] == "web" and row["State"] == "running" and row["Status"].startswith("Up ")
    assert one.startswith(row["ID"])
    assert corten("run", "-d", "--name", "web", "bb").returncode == 125
    assert corten("rm", "web").returncode == 1
    assert corten.ok("stop", "web") == "web\n"
    assert corten.ok("wait", "web") == "7\n"
    row = json.loads(corten.ok("ps", "-a", "--format", "json"))
    assert row["Status"].startswith("Exited (7)")
    lines = corten.ok("logs", "web").splitlines()
    assert lines[0] == "line 0" and lines[-1] == "bye"
    assert corten.ok("logs", "--tail", "1", "web") == "bye\n"
    assert corten.ok("inspect", "web") and json.loads(corten.ok("inspect", "web"))[0]["State"]["ExitCode"] == 7
    corten.ok("start", "web")
    assert json.loads(corten.ok("inspect", one[:5]))[0]["State"]["Running"] is True
    assert corten.ok("rm", "-f", "web") == "web\n"
    assert "No such container: web" in corten("rm", "web").stderr


def test_exec(corten):
    corten.ok("run", "-d", "--name", "x1", "-e", "OWN=1", "bb", "sleep", "100")
    done = corten("exec", "-e", "MORE=2", "-u", "web", "-w", "/tmp", "x1", "sh", "-c", "id -u; pwd; echo $OWN$MORE; exit 9")
    assert (done.stdout, done.returncode) == ("33\n/tmp\n12\n", 9)
    assert corten("exec", "x1", "nosuch").returncode == 127
    assert corten("exec", "x1", "/etc/passwd").returncode == 126
    assert corten("exec", "-i", "x1", "cat", input="in").stdout == "in"
    caps = corten.ok("exec", "x1", "grep", "CapEff", "/proc/self/status")
    assert int(caps.split()[1], 16) == 0xa80425fb
    corten.ok("stop", "-t", "0", "x1")
    done = corten("exec", "x1", "true")
    assert done.returncode == 125 and "is not running" in done.stderr


def test_stop_kills_what_does_not_listen(corten):
    corten.ok("run", "-d", "--name", "deaf", "bb", "sleep", "100")
    begin = time.time()
    corten.ok("stop", "-t", "1", "deaf")
    assert 0.9 < time.time() - begin < 8
    assert corten.ok("wait", "deaf") == "137\n"


def test_kill_with_a_signal(corten):
    corten.ok("run", "-d", "--name", "k1", "bb", "sh", "-c", "trap 'exit 4' USR1; while :; do sleep 0.1; done")
    time.sleep(0.3)
    corten.ok("kill", "-s", "USR1", "k1")
    assert corten.ok("wait", "k1") == "4\n"
    assert corten("kill", "k1").returncode == 1


def test_logs_follow_until_the_end(corten):
    corten.ok("run", "-d", "--name", "f1", "bb", "sh", "-c", "for i in $(seq 20); do echo $i; sleep 0.05; done; echo -n end")
    assert corten.ok("logs", "-f", "f1") == "".join(f"{i}\n" for i in range(1, 21)) + "end"
    assert "Z 1\n" in corten.ok("logs", "-t", "f1")


def test_detached_with_rm_goes_away(corten):
    corten.ok("run", "-d", "--rm", "bb", "sleep", "0.3")
    for _ in range(100):
        if corten.ok("ps", "-aq") == "" and corten.left() == []:
            return
        time.sleep(0.1)
    pytest.fail("the container was not removed")


@pytest.mark.parametrize("victim", ["client", "monitor", "init"])
def test_kill_9_of_one_process_leaves_nothing_after_rm(corten, victim):
    child = corten.start("run", "--name", "v1", "bb", "sh", "-c", "echo up; sleep 100")
    assert child.stdout.readline() == "up\n"
    row = json.loads(corten.ok("inspect", "v1"))[0]
    pid = {"client": child.pid, "init": row["State"]["Pid"], "monitor": _monitor_pid(corten, row["Id"])}[victim]
    os.kill(pid, signal.SIGKILL)
    child.communicate(timeout=20)
    if victim == "init":
        assert child.returncode == 137
    assert corten.ok("rm", "-f", "v1") == "v1\n"
    assert corten.left() == []


def test_a_client_killed_while_it_starts_leaves_nothing(corten):
    for delay in (0.001, 0.003, 0.005, 0.008, 0.012, 0.02, 0.04, 0.08):
        child = corten.start("run", "--name", "s1", "bb", "sleep", "100")
        time.sleep(delay)
        child.kill()
        child.communicate(timeout=20)
        time.sleep(0.2)
        corten("rm", "-f", "s1")
        assert corten.left() == [], delay


def test_an_image_in_use_is_kept(corten):
    corten.ok("run", "-d", "--name", "u1", "bb", "sleep", "100")
    assert corten("rmi", "bb").returncode == 1
    assert "bb" in corten.ok("images")


def test_names_ids_and_prefixes(corten):
    one = corten.ok("create", "--name", "n1", "bb", "true").strip()
    assert corten.ok("ps", "-aq", "--filter", "status=created").strip() == one[:12]
    assert json.loads(corten.ok("inspect", one[:6]))[0]["Id"] == one
    assert corten.ok("start", "-a", one[:6]) == ""
    assert corten.ok("wait", "n1") == "0\n"
