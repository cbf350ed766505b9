"""The runtime specification 1.3, "Runtime and Lifecycle" (runtime.md) and "Linux Runtime" (runtime-linux.md).

Each test names its clause: document, section, what is demanded. specification_clauses.py lists every clause, with the
tests that hold it or the reason why none can.
"""
import ast
import json
import os
import subprocess
from pathlib import Path

import pytest
from box import cgroup_folders, hierarchies, wait_for
from specification_clauses import CLAUSES

HERE = Path(__file__).parent
SLEEP = ("sleep", "1000")
STATUSES = {"creating", "created", "running", "stopped"}


def functions_of(path):
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def bring_to(one, status):
    """Makes a container and brings it to a status."""
    one.create().ok()
    if status != "created":
        one.start().ok()
    if status == "stopped":
        one.kill("KILL").ok()
        one.wait_status("stopped")
    if status == "paused":
        one.runtime("pause", one.id).ok()
    assert one.status() == status
    return one


def look(one):
    """All that an operation without effect must leave: the state, the process and the control groups."""
    state = one.state()
    start = Path(f"/proc/{state['pid']}/stat").read_text().rsplit(")", 1)[1].split()[19] if state.get("pid") else None
    return state, start, sorted(map(str, cgroup_folders(one.cgroup))), sorted(os.listdir(one.bundle))


# --- the table of clauses ---

def test_every_clause_is_held_or_explained():
    files = {}
    for clause in CLAUSES:
        assert bool(clause.tests) != bool(clause.reason), f"tests or a reason, not both: {clause}"
        for test in clause.tests:
            file, name = test.split("::")
            files.setdefault(file, functions_of(HERE / file))
            assert name in files[file], f"{clause.document}, {clause.section}: there is no test {test}"


def test_every_test_of_the_specification_is_listed_and_names_its_clause():
    listed = {test for clause in CLAUSES for test in clause.tests}
    for file in ("specification_test.py", "specification_config_test.py", "specification_linux_test.py"):
        for name, node in functions_of(HERE / file).items():
            if not name.startswith("test_") or name.startswith("test_every_"):
                continue
            assert f"{file}::{name}" in listed, f"{file}: {name} is not in the table of clauses"
            text = ast.get_docstring(node) or ""
            assert text.split(",")[0] in {clause.document for clause in CLAUSES}, f"{file}: {name} names no clause"


# --- the state ---

@pytest.mark.parametrize("status", ["created", "running", "paused", "stopped"])
def test_state_has_what_is_required(box, status):
    """runtime.md, State: ociVersion, id, status and bundle always, pid while there is a process; each of its type."""
    state = bring_to(box(*SLEEP), status).state()
    for name in ("ociVersion", "id", "status", "bundle"):
        assert isinstance(state[name], str) and state[name], name
    assert all(part.split("-")[0].isdigit() for part in state["ociVersion"].split(".")[:3])
    assert os.path.isabs(state["bundle"]) and (Path(state["bundle"]) / "config.json").exists()
    assert state["status"] == status
    if status != "stopped":
        assert type(state["pid"]) is int and Path(f"/proc/{state['pid']}").exists()
    assert isinstance(state.get("annotations", {}), dict)


def test_further_statuses_are_of_further_states(box):
    """runtime.md, State, status: other values only for states that are none of the four."""
    one = bring_to(box(*SLEEP), "paused")
    assert one.status() not in STATUSES
    one.runtime("resume", one.id).ok()
    assert one.status() in STATUSES


def test_annotations_in_the_state(box):
    """runtime.md, State, annotations: those of the configuration, a map of strings; absent or empty without them."""
    given = {"org.example.a": "1", "org.example.empty": "", "with \"quotes\"": "\u00e9\n"}
    one = box(*SLEEP)
    one.config["annotations"] = given
    one.create().ok()
    assert one.state()["annotations"] == given
    other = box(*SLEEP)
    other.create().ok()
    assert other.state().get("annotations", {}) == {}


def test_pid_is_the_containers_process(box):
    """runtime.md, State, pid: of the container's process, as the runtime sees it."""
    one = bring_to(box("sleep", "998877"), "running")
    assert b"998877" in Path(f"/proc/{one.pid()}/cmdline").read_bytes()


# --- the lifecycle ---

def test_create_makes_the_environment_and_runs_nothing(box):
    """runtime.md, Lifecycle, 2: what the configuration asks for is made by create, the program is not run."""
    one = box().sh("echo ran >/ran; exec sleep 1000")
    one.config["mounts"].append({"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]})
    one.linux["sysctl"] = {"net.core.somaxconn": "77"}
    one.linux["resources"]["pids"] = {"limit": 55}
    one.create().ok()
    pid = one.pid()
    for kind in ("mnt", "net", "uts", "pid", "ipc"):
        space = "pid_for_children" if kind == "pid" else kind
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{space}"), kind
    assert " /data " in Path(f"/proc/{pid}/mountinfo").read_text()
    assert cgroup_folders(one.cgroup)
    show = ["nsenter", "-t", str(pid), "-u", "-n", "--", "sh", "-c", "hostname; cat /proc/sys/net/core/somaxconn"]
    assert subprocess.run(show, check=True, stdout=subprocess.PIPE, text=True).stdout == "box\n77\n"
    assert not (one.root / "ran").exists()
    one.start().ok()
    assert one.wait_file("/ran") == "ran\n"


@pytest.mark.parametrize("path, value", [
    ("linux.sysctl", {"net.absent": "1"}), ("linux.namespaces", [{"type": "network", "path": "/absent"}]),
    ("mounts", [{"destination": "/x", "type": "absent", "source": "x"}]), ("root.path", "absent"),
    ("process.rlimits", [{"type": "RLIMIT_ABSENT", "soft": 1, "hard": 1}]),
    ("linux.resources.cpu", {"cpus": "9999"}), ("linux.seccomp", {"defaultAction": "SCMP_ACT_ABSENT"}),
    ("linux.rootfsPropagation", "absent"), ("hooks", {"createRuntime": [{"path": "/absent"}]})])
def test_create_that_cannot_apply_makes_no_container(box, path, value):
    """runtime.md, Create; Lifecycle, 2; Errors: a property that cannot be applied is an error, and nothing is made."""
    one = box(*SLEEP)
    where = one.config
    *parents, last = path.split(".")
    for name in parents:
        where = where.setdefault(name, {})
    kept = where.get(last)
    where[last] = value
    one.create().failed()
    one.runtime("state", one.id).failed()
    one.assert_nothing_left()
    if kept is None:
        del where[last]
    else:
        where[last] = kept
    one.create().ok()


# What the specification lets an operation do in a state; all else MUST be an error without effect.
ALLOWED = {("created", "start"), ("created", "kill"), ("running", "kill"), ("paused", "kill"), ("stopped", "delete")}


@pytest.mark.parametrize("status", ["created", "running", "paused", "stopped"])
@pytest.mark.parametrize("operation", ["start", "kill", "delete", "create"])
def test_operation_in_a_state(box, status, operation):
    """runtime.md, Create, Start, Kill, Delete, Errors: an operation in a state that it is not for is an error, and has
    no effect on the container."""
    one = bring_to(box(*SLEEP), status)
    before = look(one)
    if operation == "create":
        done = one.create()
    elif operation == "kill":
        done = one.kill("CONT")
    else:
        done = one.runtime(operation, one.id)
    if (status, operation) in ALLOWED:
        done.ok()
    elif (status, operation) == ("created", "delete") and done.status == 0:
        # docs/differences.md: as runc, it kills what never ran; then it must be gone.
        one.assert_nothing_left()
        one.runtime("state", one.id).failed()
    else:
        done.failed()
        assert look(one) == before


@pytest.mark.parametrize("operation", ["state", "create", "start", "kill", "delete"])
def test_operation_without_an_id(box, operation):
    """runtime.md, Query State, Create, Start, Kill, Delete: without the container's ID it is an error."""
    one = box("true")
    one.write()
    before = sorted(os.listdir(one.state_root))
    one.runtime(operation, cwd=one.bundle).failed()
    one.runtime(operation, "", cwd=one.bundle).failed()
    assert sorted(os.listdir(one.state_root)) == before


@pytest.mark.parametrize("operation", ["state", "start", "kill", "delete"])
def test_operation_on_an_unknown_id(box, operation):
    """runtime.md, Query State, Start, Kill, Delete: of a container that does not exist it is an error."""
    one = box("true")
    one.runtime(operation, "never-made").failed("never-made")
    assert os.listdir(one.state_root) == []


def test_create_without_a_bundle(box, tmp_path):
    """runtime.md, Create: without a bundle it is an error (the working folder is taken, and must be one)."""
    one = box("true")
    one.runtime("create", one.id, cwd=tmp_path).failed("config.json")
    one.runtime("create", "--bundle", "", one.id, cwd=tmp_path).failed()
    one.assert_nothing_left()


@pytest.mark.parametrize("name", ["USR1", "TERM", "HUP", "INT", "QUIT", "WINCH", "RTMIN"])
def test_kill_sends_the_signal(box, name):
    """runtime.md, Kill: the named signal reaches the container's process."""
    number = {"USR1": 10, "TERM": 15, "HUP": 1, "INT": 2, "QUIT": 3, "WINCH": 28, "RTMIN": 34}[name]
    one = box().sh(f"trap 'echo {number} >/got' {number}; echo ready >/ready; while :; do sleep 0.02; done")
    one.detached()
    one.wait_file("/ready")
    one.kill(name if name != "RTMIN" else "34").ok()
    assert one.wait_file("/got") == f"{number}\n"


def test_start_without_a_process(box):
    """runtime.md, Start: an error if the configuration has no process."""
    one = box("true")
    del one.config["process"]
    if one.create().status == 0:
        before = look(one)
        one.start().failed("process")
        assert look(one) == before
    else:
        one.assert_nothing_left()


def test_delete_removes_what_create_made_and_nothing_else(box):
    """runtime.md, Delete: what create made goes, what the container only used stays."""
    one = box(*SLEEP)
    source = one.bundle / "volume"
    source.mkdir()
    (source / "file").write_text("kept\n")
    one.mount("/data", source, "bind", ["bind"])
    with subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        parent = one.cgroup.rsplit("/", 1)[0]
        kept = [top / parent.lstrip("/") for top in hierarchies()]
        made = [folder for folder in kept if not folder.exists()]
        for folder in made:
            folder.mkdir()
        network = os.readlink(f"/proc/{other.pid}/ns/net")
        one.namespace("network", f"/proc/{other.pid}/ns/net")
        bring_to(one, "stopped").delete().ok()
        one.assert_nothing_left()
        assert (source / "file").read_text() == "kept\n" and (one.root / "bin/busybox").exists()
        assert all(folder.exists() for folder in kept), "a control group that was there before"
        assert other.poll() is None and os.readlink(f"/proc/{other.pid}/ns/net") == network
        other.stdin.close()


def test_id_can_be_used_again(box):
    """runtime.md, Delete: the ID of a deleted container serves another."""
    one = box("true")
    for _ in range(3):
        bring_to(one.sh("exec sleep 1000"), "stopped").delete().ok()
        one.assert_nothing_left()


def test_every_step_in_order(box):
    """runtime.md, Lifecycle, 1 to 13: hooks, program and deletion come in the order of the steps."""
    one = box().sh("echo program >>/steps")
    steps = one.root / "steps"
    kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    one.config["hooks"] = {}
    for kind in kinds:
        path = "/steps" if kind == "startContainer" else str(steps)
        one.config["hooks"][kind] = [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} >>{path}; cat >/dev/null"]}]
    one.create().ok()
    assert steps.read_text().split() == kinds[:3]
    one.start().ok()
    wait_for(lambda: len(steps.read_text().split()) == 6, "the program")
    told = steps.read_text().split()
    assert told[:4] == kinds[:4] and set(told[4:]) == {"program", "poststart"}
    one.wait_status("stopped")
    one.delete().ok()
    assert steps.read_text().split()[6:] == ["poststop"]


def test_a_warning_does_not_stop_the_operation(box):
    """runtime.md, Warnings: what is logged as a warning changes nothing else of the operation."""
    one = box("echo", "ran")
    for names in one.process["capabilities"].values():
        names.append("CAP_OF_NOTHING")
    one.options = ["--log", str(one.bundle / "log"), "--log-format", "json"]
    assert one.run().ok() == "ran\n"
    levels = [json.loads(line)["level"] for line in (one.bundle / "log").read_text().splitlines()]
    assert "warning" in levels and "error" not in levels


# --- Linux ---

@pytest.mark.parametrize("name, target", [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
                                          ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")])
def test_links_in_dev(box, name, target):
    """runtime-linux.md, Dev symbolic links: each is made, where /proc is mounted; with a /dev of the image's too."""
    assert box("readlink", f"/dev/{name}").run().ok() == f"{target}\n"
    plain = box("readlink", f"/dev/{name}")
    plain.config["mounts"] = [m for m in plain.config["mounts"] if not m["destination"].startswith("/dev")]
    assert plain.run().ok() == f"{target}\n"


def test_three_descriptors(box):
    """runtime-linux.md, File descriptors: the standard ones alone are open, though the caller had others."""
    extra = os.open("/dev/null", os.O_RDONLY)
    try:
        os.set_inheritable(extra, True)
        done = box("sh", "-c", "ls /proc/self/fd").run(pass_fds=[extra])
    finally:
        os.close(extra)
    # The fourth is the folder that ls reads.
    assert done.ok().split() == ["0", "1", "2", "3"]
