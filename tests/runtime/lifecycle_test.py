"""Operations and states: create, start, kill, delete, state, list, run."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from box import RUNTIME, call, cgroup_folders, wait_for

SLEEP = ("sleep", "1000")


# --- the states ---

def test_create_does_not_run_the_process(box):
    one = box().sh("echo ran > /ran")
    one.create().ok()
    assert one.status() == "created"
    time.sleep(0.1)
    assert not (one.root / "ran").exists()
    one.start().ok()
    assert one.wait_file("/ran") == "ran\n"


def test_state_after_create(box):
    one = box(*SLEEP)
    one.config["annotations"] = {"org.example.key": "value"}
    one.create().ok()
    state = one.state()
    assert state["id"] == one.id
    assert state["status"] == "created"
    assert Path(f"/proc/{state['pid']}").exists()
    assert os.path.isabs(state["bundle"]) and Path(state["bundle"]).resolve() == one.bundle.resolve()
    assert state["annotations"] == {"org.example.key": "value"}
    assert state["ociVersion"].startswith("1.")


def test_states_in_order(box):
    one = box(*SLEEP)
    one.create().ok()
    assert one.status() == "created"
    one.start().ok()
    assert one.status() == "running"
    one.kill("KILL").ok()
    one.wait_status("stopped")
    assert one.state().get("pid", 0) == 0
    one.delete().ok()
    one.runtime("state", one.id).failed("not exist")


def test_config_is_read_at_create_alone(box):
    one = box("sh", "-c", "echo first > /ran")
    one.create().ok()
    one.sh("echo second > /ran").write()
    one.start().ok()
    assert one.wait_file("/ran") == "first\n"


def test_changed_bundle_does_not_change_start(box):
    one = box("sh", "-c", "echo first > /ran")
    one.create().ok()
    (one.bundle / "config.json").unlink()
    one.start().ok()
    assert one.wait_file("/ran") == "first\n"


def test_state_changes_by_itself_when_the_process_ends(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.delete().ok()


# --- wrong states ---

def test_start_of_a_running_container(box):
    one = box(*SLEEP).detached()
    one.start().failed("running")
    assert one.status() == "running"


def test_start_of_a_stopped_container(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.start().failed("stopped")


def test_start_twice(box):
    one = box(*SLEEP)
    one.create().ok()
    one.start().ok()
    one.start().failed()
    assert one.status() == "running"


@pytest.mark.parametrize("after", ["nothing", "seccomp"])
def test_start_of_a_process_that_is_killed_before_its_program(box, after):
    """What waits for the start is killed when `start` has just woken it: `start` tells that nothing was executed."""
    one = box("sh", "-c", "touch /ran")
    if after == "seccomp":
        one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    one.create().ok()
    pid = one.pid()
    os.kill(pid, signal.SIGSTOP)
    start = subprocess.Popen(one.argv("start", one.id), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.3)  # it has written its word, and waits for the answer
    assert start.poll() is None
    os.kill(pid, signal.SIGKILL)
    _, said = start.communicate(timeout=10)
    assert start.returncode == 1 and b"ended before it executed its program" in said, (start.returncode, said)
    assert not (one.root / "ran").exists() and one.status() == "stopped"


def test_kill_of_a_stopped_container(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.kill("TERM").failed()


def test_kill_of_a_created_container(box):
    one = box(*SLEEP)
    one.create().ok()
    one.kill("KILL").ok()
    one.wait_status("stopped")


def test_delete_of_a_running_container(box):
    one = box(*SLEEP).detached()
    one.delete().failed("running")
    assert one.status() == "running"


def test_delete_of_a_created_container_needs_force_or_works_completely(box):
    # The specification demands an error when not stopped; runc kills and deletes. Either leaves no half.
    one = box(*SLEEP)
    one.create().ok()
    if one.delete().status == 0:
        one.assert_nothing_left()
    else:
        assert one.status() == "created"


@pytest.mark.parametrize("prepare", ["created", "running", "stopped"])
def test_delete_force(box, prepare):
    one = box(*SLEEP)
    one.create().ok()
    if prepare != "created":
        one.start().ok()
    if prepare == "stopped":
        one.kill("KILL").ok()
        one.wait_status("stopped")
    one.delete("--force").ok()
    one.assert_nothing_left()


def test_a_failing_poststop_hook_is_a_warning(box):
    one = box(*SLEEP)
    one.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", "echo a reason >&2; exit 3"]}]}
    one.create().ok()
    done = one.delete("--force")
    done.ok()
    assert "poststop" in done.err and "a reason" in done.err
    one.assert_nothing_left()


def test_delete_force_kills_every_process(box):
    one = box().sh("for i in 1 2 3 4 5; do sh -c 'trap : TERM INT; sleep 1000; sleep 1000' & done; touch /up; wait")
    one.detached()
    wait_for(lambda: (one.root / "up").exists(), "the children")
    one.delete("--force").ok()
    one.assert_nothing_left()


def test_delete_force_without_a_pid_namespace(box):
    one = box().sh("for i in 1 2 3; do sleep 1000 & done; echo up > /up; wait").without_namespace("pid")
    one.detached()
    one.wait_file("/up")
    one.delete("--force").ok()
    one.assert_nothing_left()


def test_delete_after_the_first_process_left_children_without_a_pid_namespace(box):
    one = box().sh("sleep 1000 & echo up > /up").without_namespace("pid")
    one.detached()
    one.wait_file("/up")
    one.wait_status("stopped")
    one.delete("--force").ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("words", [("start",), ("state",), ("delete",), ("kill",), ("pause",), ("resume",)])
def test_absent_container(box, words):
    one = box(*SLEEP)
    one.runtime(*words, one.id).failed("not exist", one.id)


def test_exec_in_an_absent_container(box):
    one = box(*SLEEP)
    one.exec(one.id, "true").failed("not exist", one.id)


def test_delete_force_of_an_absent_container_is_no_error(box):
    done = box().runtime("delete", "--force", "never-there")
    assert done.status == 0 and done.err == "", done


# --- ids ---

@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/x", "a b", "a\nb", "ä", "a" * 1025, "a\x01"])
def test_bad_ids(box, name):
    one = box("true")
    one.write()
    before = sorted(one.state_root.parent.rglob("*"))
    one.runtime("run", "--bundle", one.bundle, "--", name).failed()
    assert [p for p in sorted(one.state_root.parent.rglob("*")) if p not in before and ".cache" not in str(p)] == []


@pytest.mark.parametrize("suffix", ["_x", "+x", "-x", ".x", "X9"])
def test_good_ids(box, suffix):
    one = box("echo", "hello")
    one.id += suffix
    assert one.run().ok() == "hello\n"


def test_id_in_use(box):
    one = box(*SLEEP).detached()
    one.run().failed(one.id, "exist")
    one.create().failed(one.id, "exist")
    assert one.status() == "running"


def test_id_of_a_stopped_container_is_in_use(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.create().failed(one.id, "exist")
    one.delete().ok()
    one.create().ok()


def test_a_cgroup_in_use_is_not_taken_down(box):
    first, second = box(*SLEEP), box("false")
    second.config["linux"]["cgroupsPath"] = first.cgroup
    first.detached()
    second.process["args"] = ["/no/such/program"]
    second.run().failed()
    assert first.status() == "running"


def test_deleting_an_ended_container_spares_the_cgroups_next_user(box):
    first, second = box("true"), box(*SLEEP)
    second.config["linux"]["cgroupsPath"] = first.cgroup
    first.detached()
    for _ in range(100):
        if first.status() == "stopped":
            break
        time.sleep(0.02)
    second.detached()
    first.delete()
    assert second.status() == "running"


# --- run ---

@pytest.mark.parametrize("status", [0, 1, 2, 42, 126, 127, 128, 255])
def test_run_exit_status(box, status):
    assert box().sh(f"exit {status}").run().status == status


def test_run_exit_status_of_a_kill(box):
    one = box().sh("echo up > /up; sleep 1000")
    one.write()
    running = subprocess.Popen(one.argv("run", "--bundle", one.bundle, one.id), stdin=subprocess.DEVNULL)
    one.wait_file("/up")
    os.kill(one.pid(), signal.SIGKILL)
    assert running.wait(10) == 128 + 9


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "HUP", "USR1"])
def test_run_exit_status_of_a_signal_without_a_pid_namespace(box, name):
    one = box().sh(f"kill -{name} $$; sleep 5").without_namespace("pid")
    assert one.run().status == 128 + getattr(signal, f"SIG{name}")


@pytest.mark.parametrize("name", ["TERM", "INT", "USR1", "HUP"])
def test_run_forwards_signals(box, name):
    one = box().sh(f"trap 'exit 9' {name}; echo up > /up; while :; do sleep 0.02; done")
    one.write()
    running = subprocess.Popen(one.argv("run", "--bundle", one.bundle, one.id), stdin=subprocess.DEVNULL)
    one.wait_file("/up")
    running.send_signal(getattr(signal, f"SIG{name}"))
    assert running.wait(10) == 9


def test_run_removes_the_container(box):
    one = box("true")
    one.run().ok()
    one.assert_nothing_left()


def test_run_keep(box):
    one = box("true")
    one.run("--keep").ok()
    assert one.status() == "stopped"
    one.delete().ok()


def test_run_that_fails_leaves_nothing(box):
    one = box("/no/such")
    one.run().failed()
    one.assert_nothing_left()


def test_run_passes_streams(box):
    one = box().sh("cat; echo to-err >&2")
    done = one.run(stdin=b"from outside")
    assert (done.out, done.err, done.status) == ("from outside", "to-err\n", 0)


def test_run_passes_every_byte(box):
    data = bytes(range(256)) * 2048
    assert box("cat").run(stdin=data, text=False).out == data


def test_run_in_the_working_folder(box):
    one = box("echo", "hello")
    one.write()
    assert one.runtime("run", one.id, cwd=one.bundle).ok() == "hello\n"


def test_run_detach_returns_at_once(box):
    one = box(*SLEEP)
    start = time.monotonic()
    one.run("--detach").ok()
    assert time.monotonic() - start < 5
    assert one.status() == "running"


@pytest.mark.parametrize("command", ["run", "create"])
def test_pid_file(box, command):
    one = box(*SLEEP)
    file = one.bundle / "pid"
    one.write()
    flags = ["--detach"] if command == "run" else []
    one.runtime(command, "--bundle", one.bundle, *flags, "--pid-file", file, one.id).ok()
    assert file.read_text() == str(one.pid()), "decimal digits and nothing else"


def test_pid_file_is_absent_after_a_failure(box):
    one = box("/no/such")
    file = one.bundle / "pid"
    one.run("--pid-file", file).failed()
    assert not file.exists() or not Path(f"/proc/{file.read_text()}").exists()


def test_missing_bundle(box):
    one = box("true")
    one.runtime("run", "--bundle", "/no/such/bundle", one.id).failed("/no/such/bundle")


def test_missing_config(box):
    one = box("true")
    one.run(write=False).failed("config.json", "no such file")


def test_missing_root(box):
    one = box("true")
    one.config["root"]["path"] = "elsewhere"
    one.run().failed("elsewhere", "no such file")


def test_absolute_root(box):
    one = box("echo", "hello")
    one.config["root"]["path"] = str(one.root)
    assert one.run().ok() == "hello\n"


def test_unwritable_state_root(box):
    one = box("true")
    one.state_root = Path("/proc/nowhere")
    one.run().failed("/proc/nowhere")
    one.state_root = one.bundle.parent / "state"


# --- kill ---

@pytest.mark.parametrize("word", ["TERM", "SIGTERM", "15", "term", None])
def test_kill_words(box, word):
    one = box().sh("trap 'echo got > /got; exit' TERM; echo up > /up; while :; do sleep 0.02; done").detached()
    one.wait_file("/up")
    one.kill(*([word] if word else [])).ok()
    assert one.wait_file("/got") == "got\n"


@pytest.mark.parametrize("word", ["NOPE", "SIGNOPE", "65", "-1", "1x", ""])
def test_kill_bad_words(box, word):
    one = box(*SLEEP).detached()
    one.runtime("kill", "--", one.id, word).failed()
    assert one.status() == "running"


def test_kill_reaches_the_first_process_alone(box):
    one = box().sh("trap 'echo one >> /got' USR1; sh -c 'trap \"echo two >> /got\" USR1; echo up > /up;"
                   " while :; do sleep 0.02; done' & while :; do sleep 0.02; done").detached()
    one.wait_file("/up")
    one.kill("USR1").ok()
    one.wait_file("/got")
    time.sleep(0.2)
    assert (one.root / "got").read_text() == "one\n"


def test_kill_all(box):
    one = box().sh("trap 'echo one >> /got' USR1; sh -c 'trap \"echo two >> /got\" USR1; echo up > /up;"
                   " while :; do sleep 0.02; done' & while :; do sleep 0.02; done").detached()
    one.wait_file("/up")
    one.runtime("kill", "--all", one.id, "USR1")
    wait_for(lambda: (one.root / "got").exists() and sorted((one.root / "got").read_text().split()) == ["one", "two"],
             "both processes")


def test_kill_all_of_many(box):
    one = box().sh("trap '' TERM; i=0; while [ $i -lt 200 ]; do i=$((i+1)); (trap - TERM; exec sleep 1000) & done; "
                   "until [ $(pidof sleep | wc -w) = 200 ]; do :; done; echo up > /up; wait; echo over > /over; "
                   "while :; do sleep 0.05; done").detached()
    one.wait_file("/up")
    one.runtime("kill", "--all", one.id, "TERM").ok()
    one.wait_file("/over")
    assert one.status() == "running"


def test_kill_all_reaches_cgroups_nested_deep(box):
    """Nested as deep as a container with control groups of its own can, in each hierarchy that tells its members."""
    one = box().sh("echo up > /up; sleep 1000").without_namespace("pid").detached()
    one.wait_file("/up")
    tops = [os.open(folder, os.O_RDONLY) for folder in cgroup_folders(one.cgroup)
            if "cpuset" not in str(folder)]
    for at in tops:
        for _ in range(150):
            os.mkdir("x", dir_fd=at)
            below = os.open("x", os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        with open(os.open("cgroup.procs", os.O_WRONLY, dir_fd=at), "w") as procs:
            procs.write(str(one.pid()))
        os.close(at)
    one.runtime("kill", "--all", one.id, "TERM").ok()
    one.wait_status("stopped")


def test_realtime_signal(box):
    one = box().sh("trap 'echo got > /got' 36; echo up > /up; while :; do sleep 0.02; done").detached()
    one.wait_file("/up")
    one.kill("36").ok()
    one.wait_file("/got")


# --- list ---

def test_list_json(box):
    first, second = box(*SLEEP).detached(), box(*SLEEP)
    second.create().ok()
    listed = {entry["id"]: entry for entry in json.loads(first.runtime("list", "--format", "json").ok())}
    assert set(listed) == {first.id, second.id}
    assert listed[first.id]["status"] == "running"
    assert listed[second.id]["status"] == "created"
    assert listed[first.id]["pid"] == first.pid()
    assert Path(listed[first.id]["bundle"]).resolve() == first.bundle.resolve()
    assert "created" in listed[first.id]


def test_list_json_of_none(box):
    assert json.loads(box().runtime("list", "-f", "json").ok()) in ([], None)


def test_list_table(box):
    one = box(*SLEEP).detached()
    head, line = one.runtime("list").ok().splitlines()
    assert head.split()[:3] == ["ID", "PID", "STATUS"]
    assert line.split()[:3] == [one.id, str(one.pid()), "running"]


def test_list_quiet(box):
    first, second = box(*SLEEP).detached(), box(*SLEEP).detached()
    assert sorted(first.runtime("list", "-q").ok().split()) == sorted([first.id, second.id])


def test_list_with_a_foreign_folder(box):
    one = box(*SLEEP).detached()
    (one.state_root / "not-a-container").mkdir()
    (one.state_root / "a-file").write_text("x")
    # A folder may be what a killed creation left: showing it is right, failing or hiding the others is not.
    assert one.id in one.runtime("list", "-q").ok().split()
    assert one.id in {entry["id"] for entry in json.loads(one.runtime("list", "-f", "json").ok())}


def test_list_without_a_state_root(box):
    one = box()
    one.state_root = one.bundle / "none"
    one.runtime("list").failed(str(one.state_root))


# --- pause ---

def test_pause_and_resume(box):
    one = box().sh("while :; do date +%s%N > /tick; sleep 0.01; done").detached()
    one.wait_file("/tick")
    one.runtime("pause", one.id).ok()
    assert one.status() == "paused"
    before = (one.root / "tick").read_text()
    time.sleep(0.2)
    assert (one.root / "tick").read_text() == before
    one.runtime("resume", one.id).ok()
    assert one.status() == "running"
    wait_for(lambda: (one.root / "tick").read_text() not in (before, ""), "a further tick")


def test_pause_of_a_stopped_container(box):
    one = box("true").detached()
    one.wait_status("stopped")
    one.runtime("pause", one.id).failed()


def test_resume_of_a_running_container(box):
    one = box(*SLEEP).detached()
    one.runtime("resume", one.id).failed("paused")


def test_exec_in_a_paused_container(box):
    one = box(*SLEEP).detached()
    one.runtime("pause", one.id).ok()
    one.exec(one.id, "true", timeout=2).failed("paused")


def test_delete_force_of_a_paused_container(box):
    one = box(*SLEEP).detached()
    one.runtime("pause", one.id).ok()
    one.delete("--force").ok()
    one.assert_nothing_left()


def test_kill_of_a_paused_container(box):
    one = box(*SLEEP).detached()
    one.runtime("pause", one.id).ok()
    one.kill("KILL").ok()
    one.runtime("resume", one.id)
    one.wait_status("stopped")


# --- the command line ---

@pytest.mark.parametrize("words", [("nope",), ("run",), ("run", "--nope", "x"), ("kill",), ("state",),
                                   ("state", "a", "b"), ("--log",), ("list", "--format", "yaml"), ()])
def test_wrong_usage(words):
    done = call([RUNTIME, *words])
    assert done.status != 0 or words == (), done
    assert done.err or done.out


def test_version():
    out = call([RUNTIME, "--version"]).ok()
    assert "1.3.0" in out and "spec" in out
