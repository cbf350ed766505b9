"""Hooks of all six kinds, clause by clause of the specification's "POSIX-platform Hooks" and "Lifecycle"."""
import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from box import RUNTIME, processes_of, wait_for


def own(kind):
    return os.readlink(f"/proc/self/ns/{kind}")


HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def hook(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


def test_hooks_in_order(box):
    one = box("sh", "-c", "echo process >> /log; sleep 1000")
    log = one.root / "log"
    one.config["hooks"] = {kind: [hook(f"echo {kind} >> {'/log' if kind == 'startContainer' else log}")]
                           for kind in HOOKS}
    one.create().ok()
    assert log.read_text().split() == HOOKS[:3]
    one.start().ok()
    wait_for(lambda: "process" in log.read_text(), "the process")
    assert [w for w in log.read_text().split() if w != "process"] == HOOKS[:5]
    assert log.read_text().split().index("startContainer") < log.read_text().split().index("process")
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    assert log.read_text().split()[-1] == "poststop"


@pytest.mark.parametrize("kind, status", [("prestart", "creating"), ("createRuntime", "creating"),
                                          ("createContainer", "creating"), ("startContainer", "created"),
                                          ("poststart", "running"), ("poststop", "stopped")])
def test_state_on_a_hooks_stdin(box, kind, status):
    one = box("sleep", "0.2")
    one.config["annotations"] = {"a": "b"}
    place = "/seen" if kind == "startContainer" else one.root / "seen"
    one.config["hooks"] = {kind: [hook(f"cat > {place}")]}
    one.run().ok()
    seen = json.loads((one.root / "seen").read_text())
    assert seen["id"] == one.id and seen["status"] == status
    assert Path(seen["bundle"]).resolve() == one.bundle.resolve() and seen["annotations"] == {"a": "b"}
    if kind != "poststop":
        assert seen["pid"] > 0
    else:
        assert seen.get("pid", 0) == 0
    assert seen["ociVersion"].startswith("1.")


@pytest.mark.parametrize("kind, inside", [("prestart", False), ("createRuntime", False), ("createContainer", True),
                                          ("startContainer", True), ("poststart", False), ("poststop", False)])
def test_namespace_of_a_hook(box, kind, inside):
    one = box("sleep", "0.3")
    place = "/seen" if kind == "startContainer" else one.root / "seen"
    one.config["hooks"] = {kind: [hook(f"readlink /proc/self/ns/mnt > {place}; readlink /proc/self/ns/uts >> {place}")]}
    one.run().ok()
    assert ((one.root / "seen").read_text().split()[0] != own("mnt")) == inside


def test_several_hooks_of_a_kind(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [hook(f"echo {i} >> {one.root}/log") for i in range(5)]}
    one.run().ok()
    assert (one.root / "log").read_text().split() == list("01234")


def test_environment_and_arguments_of_a_hook(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [
        {"path": "/bin/sh", "args": ["given-name", "-c", f"echo $0 $A; env > {one.root}/env", "zero"],
         "env": ["A=1"]}]}
    one.run(env={**os.environ, "LEAK": "1"}).ok()
    found = (one.root / "env").read_text().split()
    assert "A=1" in found and "LEAK=1" not in found


@pytest.mark.parametrize("kind", HOOKS[:4])
def test_failing_hook_before_the_process(box, kind):
    one = box("sh", "-c", "touch /ran")
    one.config["hooks"] = {kind: [hook("echo because >&2; exit 3")]}
    one.run().failed("hook", "3")
    assert not (one.root / "ran").exists()
    one.assert_nothing_left()


def test_failing_hook_stops_the_later_and_runs_poststop(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [hook("exit 1"), hook(f"touch {one.root}/second")],
                           "poststop": [hook(f"touch {one.root}/poststop")]}
    one.run().failed("hook")
    assert not (one.root / "second").exists()
    assert (one.root / "poststop").exists()


@pytest.mark.parametrize("kind", ["poststart", "poststop"])
def test_failing_hook_after_the_process_started(box, kind):
    # The specification: a warning, and the lifecycle goes on (poststart in runc is an error that stops it).
    one = box("sh", "-c", "sleep 0.3; echo ran > /ran")
    one.config["hooks"] = {kind: [hook("exit 3"), hook(f"touch {one.root}/second")]}
    done = one.run()
    assert "hook" in done.err, done
    if kind == "poststop":
        assert done.status == 0 and (one.root / "second").exists(), done
    one.assert_nothing_left()


def test_hook_timeout(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [hook("exec sleep 50", timeout=1)]}
    start = time.monotonic()
    one.run().failed("hook", "longer")
    assert time.monotonic() - start < 8


def test_hook_killed_by_a_signal(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [hook("kill -9 $$")]}
    one.run().failed("hook", "signal")


def test_hook_that_is_absent(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    one.run().failed("/no/such/hook")


def test_hook_that_ignores_its_input(box):
    one = box("true")
    one.config["annotations"] = {"big": "x" * 200000}
    one.config["hooks"] = {"createRuntime": [hook("exit 0")], "poststop": [hook("exec <&-; exit 0")]}
    one.run().ok()


def test_create_runtime_hook_reaches_the_container_network(box):
    one = box("ip", "link", "show", "lo")
    one.config["hooks"] = {"createRuntime": [hook(
        'read s; p=${s#*\\"pid\\":}; p=$(printf %s "$p" | tr -dc "0-9,"); '
        "nsenter -t ${p%%,*} -n true")]}
    one.run().ok()


# --- what a hook is given ---

def place_of(one, kind, name):
    """Where a hook of that kind finds a file of the container's root."""
    return f"/{name}" if kind == "startContainer" else f"{one.root}/{name}"


def live(one):
    """A whole life: create, start, end, delete."""
    one.create().ok()
    one.start().ok()
    one.wait_status("stopped")
    return one.delete()


@pytest.mark.parametrize("kind", HOOKS)
def test_a_hooks_environment_and_arguments_are_the_configured_ones(box, kind):
    one = box("true")
    seen = one.root / "seen"
    where = place_of(one, kind, "seen")
    name = "ash" if kind == "startContainer" else "given"  # busybox goes by its name
    proc = "/proc/$$" if kind == "startContainer" else "/proc/self"  # createContainer: the host's /proc
    script = f"tr '\\0' '|' < {proc}/environ > {where}; tr '\\0' '|' < {proc}/cmdline >> {where}; true"
    one.config["hooks"] = {kind: [{"path": "/bin/sh", "args": [name, "-c", script, "zero", "", "b c"],
                                   "env": ["B=2", "A=x y", "PATH=/usr/bin:/bin"]}]}
    live(one).ok()
    assert seen.read_text() == f"B=2|A=x y|PATH=/usr/bin:/bin|{name}|-c|{script}|zero||b c|"


@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_without_arguments_is_given_its_path(box, kind):
    one = box("true")
    script = one.root / "hook"
    where = place_of(one, kind, "seen")
    script.write_text(f"#!/bin/sh\necho \"$0 $#\" > {where}; /bin/cat < /proc/self/environ >> {where}\n")
    script.chmod(0o755)
    path = place_of(one, kind, "hook")
    one.config["hooks"] = {kind: [{"path": path}]}
    live(one).ok()
    assert (one.root / "seen").read_text() == f"{path} 0\n"


@pytest.mark.parametrize("kind", [kind for kind in HOOKS if kind != "poststop"])
def test_the_pid_on_a_hooks_stdin_is_the_containers(box, kind):
    """Inside, it is the number that the hook itself can use: of its own PID namespace."""
    one = box("sleep", "0.3")
    one.config["hooks"] = {kind: [hook(f"cat > {place_of(one, kind, 'seen')}")]}
    one.create().ok()
    pid = one.pid()
    one.start().ok()
    seen = json.loads((one.root / "seen").read_text())
    assert seen["pid"] == (1 if kind in ("createContainer", "startContainer") else pid)


def test_signals_of_a_hook_are_the_defaults(box):
    one = box("true")
    one.config["hooks"] = {"createRuntime": [hook(f"exec grep Sig /proc/self/status > {one.root}/seen")]}
    one.run().ok()
    masks = dict(line.split() for line in (one.root / "seen").read_text().splitlines())
    assert int(masks["SigBlk:"], 16) == 0 and int(masks["SigIgn:"], 16) == 0


def test_a_hook_holds_no_descriptors_of_the_runtimes(box):
    one = box("true")
    where = {kind: place_of(one, kind, kind) for kind in HOOKS}
    one.config["hooks"] = {kind: [hook(f"exec ls /proc/self/fd > {where[kind]}")] for kind in HOOKS}
    live(one).ok()
    for kind in HOOKS:
        assert (one.root / kind).read_text().split() == ["0", "1", "2", "3"], kind  # 3 is the folder itself


def test_create_container_hook_sees_the_mounts_before_the_pivot(box):
    one = box("true")
    one.mount("/tmp", "t", "tmpfs", [])
    seen = one.bundle / "seen"
    one.config["hooks"] = {"createContainer": [hook(f"grep -c ' {one.root}/tmp ' /proc/self/mountinfo > {seen}; "
                                                    f"test -e {one.bundle}/config.json && echo host >> {seen}")]}
    one.run().ok()
    assert seen.read_text().split() == ["1", "host"]


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_create_runtime_hook_finds_all_mounted_before_the_pivot(box, kind):
    one = box("true")
    one.mount("/tmp", "t", "tmpfs", [])
    seen = one.bundle / "seen"
    one.config["hooks"] = {kind: [hook(
        'read s; p=${s#*\\"pid\\":}; p=$(printf %s "$p" | tr -dc "0-9,"); p=${p%%,*}; '
        f"grep -c ' {one.root}/tmp ' /proc/$p/mountinfo > {seen}; grep -c ' {one.root}/proc ' /proc/$p/mountinfo "
        f">> {seen}; [ -c /proc/$p/root{one.root}/dev/null ] && echo node >> {seen}")]}
    one.run().ok()
    assert seen.read_text().split() == ["1", "1", "node"]


@pytest.mark.parametrize("propagation", ["", "rslave", "rprivate"])
def test_hooks_before_the_pivot_and_propagation(box, propagation):
    """Whatever the mounts' relation to the host's, no mount of the container's shows there."""
    subprocess.run(["mount", "--bind", "/tmp", "/tmp"], check=True)
    try:
        subprocess.run(["mount", "--make-rshared", "/tmp"], check=True)
        one = box("true")
        one.linux["rootfsPropagation"] = propagation
        seen = one.bundle / "seen"
        one.config["hooks"] = {"createContainer": [hook(f"grep ' {one.root} ' /proc/self/mountinfo > {seen}; true")]}
        one.run().ok()
        assert len(seen.read_text().splitlines()) == 1
        assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(one.root) in line]
    finally:
        subprocess.run(["umount", "-l", "/tmp"], check=True)


def test_start_container_hook_runs_in_all_the_containers_namespaces(box):
    one = box("sleep", "1000").namespace("cgroup")
    one.config["hooks"] = {"startContainer": [hook(
        "for k in mnt net uts ipc pid cgroup; do readlink /proc/self/ns/$k; done > /seen; pwd >> /seen")]}
    one.detached()
    found = (one.root / "seen").read_text().split()
    assert found == [*(os.readlink(f"/proc/{one.pid()}/ns/{k}") for k in ("mnt", "net", "uts", "ipc", "pid", "cgroup")),
                     "/"]


def test_start_container_hooks_path_is_the_containers(box):
    one = box("true")
    one.config["hooks"] = {"startContainer": [{"path": "/usr/bin/env"}]}
    assert not (one.root / "usr/bin/env").exists() and Path("/usr/bin/env").exists()
    one.run().failed("startContainer hook 0", "/usr/bin/env")
    one.assert_nothing_left()


# --- failures ---

BEFORE = HOOKS[:4]


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("script, words", [
    ("echo because >&2; exit 3", ("status 3", "because")), ("kill -9 $$", ("signal 9",)),
    ("kill -TERM $$", ("signal 15",))])
def test_a_failing_hook_is_named_with_its_end(box, kind, script, words):
    one = box("sh", "-c", "touch /ran")
    where = place_of(one, kind, "second")
    one.config["hooks"] = {kind: [hook("exit 0"), hook(script), hook(f"touch {where}")],
                           "poststop": [hook(f"cat > {one.root}/stopped")]}
    one.run().failed(f"{kind} hook 1", "/bin/sh", *words)
    assert not (one.root / "ran").exists() and not (one.root / "second").exists()
    assert json.loads((one.root / "stopped").read_text())["status"] == "stopped"
    one.assert_nothing_left()


@pytest.mark.parametrize("kind", BEFORE[:3])
def test_a_failing_hook_of_create_leaves_no_container(box, kind):
    one = box("true")
    one.config["hooks"] = {kind: [hook("exit 3")], "poststop": [hook(f"echo x >> {one.root}/stopped")]}
    one.create().failed(f"{kind} hook 0", "status 3")
    one.assert_nothing_left()
    assert (one.root / "stopped").read_text() == "x\n"


@pytest.mark.parametrize("script, words", [("echo because >&2; exit 3", ("status 3", "because")),
                                           ("kill -9 $$", ("signal 9",))])
def test_a_failing_start_container_hook_ends_the_container(box, script, words):
    one = box("sh", "-c", "touch /ran")
    one.config["hooks"] = {"startContainer": [hook(script)], "poststart": [hook(f"touch {one.root}/poststart")],
                           "poststop": [hook(f"echo x >> {one.root}/stopped")]}
    one.create().ok()
    one.start().failed("startContainer hook 0", *words)
    one.assert_nothing_left()
    assert not (one.root / "ran").exists() and not (one.root / "poststart").exists()
    assert (one.root / "stopped").read_text() == "x\n"


def test_a_failing_poststart_hook_ends_the_container(box):
    one = box("sleep", "1000")
    one.config["hooks"] = {"poststart": [hook("exit 3"), hook(f"touch {one.root}/second")],
                           "poststop": [hook(f"echo x >> {one.root}/stopped")]}
    one.create().ok()
    one.start().failed("poststart hook 0", "status 3")
    one.assert_nothing_left()
    assert not (one.root / "second").exists()
    one.run().failed("poststart hook 0", "status 3")
    one.assert_nothing_left()
    assert (one.root / "stopped").read_text() == "x\nx\n"


def test_failing_poststop_hooks_are_warnings_and_the_later_ones_run(box):
    one = box("true")
    one.config["hooks"] = {"poststop": [hook("exit 3"), {"path": "/no/such/hook"}, hook("exec sleep 50", timeout=1),
                                        hook(f"touch {one.root}/last")]}
    one.create().ok()
    one.start().ok()
    one.wait_status("stopped")
    done = one.delete()
    assert done.status == 0, done
    for words in ("poststop hook", "status 3", "/no/such/hook", "timeout of 1 s"):
        assert words in done.err, done
    assert (one.root / "last").exists()
    one.assert_nothing_left()


def test_poststop_hooks_run_after_the_container_is_deleted(box):
    one = box("true")
    one.config["hooks"] = {"poststop": [hook(
        f"{RUNTIME} --root {one.state_root} state {one.id} > {one.root}/state 2>&1; echo $? >> {one.root}/state; "
        f"ls -d {one.state_root / one.id} >> {one.root}/state 2>&1; "
        f"ls -d /sys/fs/cgroup/*{one.cgroup} /sys/fs/cgroup{one.cgroup} >> {one.root}/groups")]}
    live(one).ok()
    said = (one.root / "state").read_text()
    assert "does not exist\n1\n" in said and "No such file" in said
    assert (one.root / "groups").read_text() == ""


def test_poststop_hooks_run_when_the_set_up_fails(box):
    one = box("true")
    one.mount("/data", "/no/such/source", "bind", ["bind"])
    one.config["hooks"] = {"createRuntime": [hook(f"touch {one.root}/made")],
                           "poststop": [hook(f"rm {one.root}/made")]}
    one.create().failed("/no/such/source")
    assert not (one.root / "made").exists()
    one.assert_nothing_left()


def test_poststop_hooks_do_not_run_when_nothing_was_begun(box):
    one = box("true")
    one.without_namespace("network").namespace("network", "/no/such/ns")
    one.config["hooks"] = {"poststop": [hook(f"touch {one.root}/stopped")]}
    one.create().failed("/no/such/ns")
    assert not (one.root / "stopped").exists()
    one.assert_nothing_left()


# --- time-outs ---

@pytest.mark.parametrize("kind", [kind for kind in HOOKS if kind != "poststop"])
def test_a_hook_that_is_too_slow_is_killed_with_what_it_started(box, kind):
    one = box("sleep", "1000")
    # Not the shell itself but its child sleeps; the word tells it from others.
    one.config["hooks"] = {kind: [hook(f"sleep 31.{os.getpid()}; true", timeout=1)]}
    start = time.monotonic()
    one.run("--detach").failed(f"{kind} hook 0", "longer", "timeout of 1 s")
    assert 0.9 < time.monotonic() - start < 10
    wait_for(lambda: not processes_of(f"31.{os.getpid()}"), "the end of what the hook started", 3)
    one.assert_nothing_left()


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_must_be_more_than_zero(box, timeout):
    one = box("true")
    one.config["hooks"] = {"poststop": [hook("true", timeout=timeout)]}
    one.create().failed("hooks.poststop[0].timeout")
    one.assert_nothing_left()


def test_a_hook_within_its_timeout(box):
    one = box("true")
    one.config["hooks"] = {kind: [hook("sleep 0.1", timeout=10)] for kind in HOOKS}
    live(one).ok()


# --- others do not wait for an image's hook ---

def hanging(box, way):
    """A container whose startContainer hook hangs, and the command that waits for it."""
    one = box("sh", "-c", "touch /ran; sleep 1000")
    one.config["hooks"] = {"startContainer": [hook("touch /hanging; exec sleep 1000")],
                           "poststop": [hook(f"echo x >> {one.root}/stopped")]}
    if way == "start":
        one.create().ok()
        words = ("start", one.id)
    else:
        one.write()
        words = ("run", "--bundle", one.bundle, one.id)
    waiting = subprocess.Popen([str(w) for w in one.argv(*words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for((one.root / "hanging").exists, "the hook")
    return one, waiting


def ended(waiting, timeout=5):
    try:
        return waiting.communicate(timeout=timeout)[0].decode(), waiting.returncode
    finally:
        waiting.kill()
        waiting.wait()


@pytest.mark.parametrize("way", ["start", "run"])
@pytest.mark.parametrize("words", [("KILL",), ("--all", "KILL")])
def test_kill_does_not_wait_for_a_hanging_hook(box, way, words):
    one, waiting = hanging(box, way)
    if way == "start":
        assert one.status() == "created"
    begun = time.monotonic()
    one.runtime("kill", *words[:-1], one.id, words[-1]).ok()
    said, status = ended(waiting)
    assert time.monotonic() - begun < 5 and status != 0 and said, (said, status)
    assert not (one.root / "ran").exists()
    if way == "start":
        one.wait_status("stopped")
        one.delete().ok()
    one.assert_nothing_left()
    assert (one.root / "stopped").read_text() == "x\n"


@pytest.mark.parametrize("way", ["start", "run"])
@pytest.mark.parametrize("pid", ["own", "shared"])
def test_delete_by_force_does_not_wait_for_a_hanging_hook(box, way, pid):
    made = (lambda *args: box(*args).without_namespace("pid")) if pid == "shared" else box
    one, waiting = hanging(made, way)
    begun = time.monotonic()
    one.delete("--force").ok()
    assert time.monotonic() - begun < 5
    said, status = ended(waiting)
    assert status != 0 and "deleted" in said, (said, status)
    assert not (one.root / "ran").exists()
    one.assert_nothing_left()
    assert (one.root / "stopped").read_text() == "x\n"


def test_a_second_start_is_refused_while_a_hook_hangs(box):
    one, waiting = hanging(box, "start")
    begun = time.monotonic()
    one.start().failed("another start")
    assert time.monotonic() - begun < 5
    one.delete("--force").ok()
    ended(waiting)


def test_the_name_can_be_used_again_while_the_first_start_ends(box):
    """A start or run that wakes up to a deleted container touches nothing of its name's next owner."""
    one, waiting = hanging(box, "run")
    waiting.send_signal(19)  # SIGSTOP: it wakes up late
    one.delete("--force").ok()
    one.config["hooks"] = {}
    one.config["process"]["args"] = ["sleep", "1000"]
    one.detached()
    waiting.send_signal(18)
    said, status = ended(waiting)
    assert status != 0 and "deleted" in said, (said, status)
    time.sleep(0.2)
    assert one.status() == "running"


# --- nor for one of the host's that hangs ---

HOST_KINDS = ["prestart", "createRuntime", "createContainer", "poststart"]


def hanging_on_the_host(box, kind, way):
    """A container one of whose hooks of the host's hangs, without a time-out, and the command that waits for it."""
    one = box("sh", "-c", "touch /ran; sleep 1000")
    os.mkfifo(one.root / "release")
    one.config["hooks"] = {kind: [hook(f"touch {one.root}/hanging; cat {one.root}/release; true")],
                           "poststop": [hook(f"echo x >> {one.root}/stopped")]}
    one.write()
    words = ("create" if way != "run" else "run", "--bundle", one.bundle, one.id)
    if kind == "poststart" and way == "create":
        one.create().ok()
        words = ("start", one.id)
    waiting = subprocess.Popen([str(w) for w in one.argv(*words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for((one.root / "hanging").exists, "the hook")
    return one, waiting


def release(one):
    """Lets what is left of the hook end."""
    def is_over():
        with contextlib.suppress(OSError):  # it does not read yet, or no more
            os.close(os.open(one.root / "release", os.O_WRONLY | os.O_NONBLOCK))
        return not processes_of(f"{one.root}/release")
    wait_for(is_over, "the end of the hook")


@pytest.mark.parametrize("way", ["create", "run"])
@pytest.mark.parametrize("kind", HOST_KINDS)
def test_delete_by_force_does_not_wait_for_a_hook_of_the_hosts(box, kind, way):
    one, waiting = hanging_on_the_host(box, kind, way)
    begun = time.monotonic()
    one.delete("--force").ok()
    assert time.monotonic() - begun < 5
    assert not (one.state_root / one.id).exists()
    if kind == "poststart":  # its end is none of the deletion's: the container has started
        release(one)
    said, status = ended(waiting)
    assert status != 0 and ("deleted" in said if kind == "poststart" else "ended" in said), (said, status)
    wait_for(lambda: not processes_of(f"{one.root}/release"), "the end of the hook")
    one.assert_nothing_left()
    assert (one.root / "stopped").read_text() == "x\n"
    assert (one.root / "ran").exists() == (kind == "poststart")


@pytest.mark.parametrize("kind", HOST_KINDS)
def test_kill_does_not_wait_for_a_hook_of_the_hosts(box, kind):
    one, waiting = hanging_on_the_host(box, kind, "create")
    begun = time.monotonic()
    one.kill("KILL").ok()
    assert time.monotonic() - begun < 5
    if kind == "poststart":
        release(one)
    said, status = ended(waiting)
    assert (status == 0) == (kind == "poststart"), said
    one.delete("--force").ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_delete_by_force_ends_a_command_that_was_stopped(box, kill_safe, kind):
    one, waiting = hanging_on_the_host(box, kind, "create")
    waiting.send_signal(19)
    try:
        one.delete("--force").ok()
    finally:
        said, status = ended(waiting)
    assert status == -9, (said, status)
    release(one)
    one.assert_nothing_left()


def test_delete_by_force_while_another_deletes(box):
    """A poststop hook runs once the container is gone: who deletes again finds none."""
    one = box("true")
    os.mkfifo(one.root / "release")
    one.config["hooks"] = {"poststop": [hook(f"touch {one.root}/hanging; cat {one.root}/release; true")]}
    one.detached()
    one.wait_status("stopped")
    waiting = subprocess.Popen(one.argv("delete", one.id), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    wait_for((one.root / "hanging").exists, "the hook")
    begun = time.monotonic()
    one.delete("--force").ok()
    assert time.monotonic() - begun < 2
    release(one)
    assert ended(waiting)[1] == 0
