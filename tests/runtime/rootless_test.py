"""An ordinary user's containers, with and without subordinate ids."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from box import call, cgroup_folders, on_terminal, wait_for
from users import (FULL, GID, OTHER_UID, SINGLE, SUB_COUNT, SUB_FIRST, TRY_SH, UID, V2_ONLY, as_user, give,
                   reachable_runtime, rootless_config, within)

BOTH = pytest.mark.parametrize("mappings", [SINGLE, FULL], ids=["single", "full"])
# Container root is a subordinate id: the user's own id is not in the container at all.
APART = {kind: [{"containerID": 0, "hostID": SUB_FIRST, "size": SUB_COUNT}] for kind in ("uidMappings", "gidMappings")}
WITHOUT = "runs without a control group"


@pytest.fixture
def mine(box, tools):
    """Makes bundles of the made-up user."""
    runtime = reachable_runtime(tools)

    def make(*args, mappings=SINGLE, uid=UID, gid=GID):
        one = box(*args)
        one.config = rootless_config(args, mappings)
        one.prefix = as_user(uid, gid)
        one.program = runtime
        give(one.bundle, uid, gid)
        give(one.state_root, uid, gid)
        return one

    return make


def lifecycle(one):
    one.process["args"] = ["sleep", "1000"]
    one.create().ok()
    assert one.status() == "created"
    one.start().ok()
    assert one.status() == "running"
    assert one.id in one.runtime("list").ok()
    assert one.inside("echo in; cat /proc/1/cmdline | tr '\\0' ' '").ok().split() == ["in", "sleep", "1000"]
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    one.assert_nothing_left()


# --- identity ---

@BOTH
def test_lifecycle(mine, mappings):
    lifecycle(mine(mappings=mappings))


@BOTH
def test_identity(mine, mappings):
    one = mine("sh", "-c", "id -u; id -g; id -G; cat /proc/self/setgroups; hostname; echo $$; cat /proc/self/uid_map",
               mappings=mappings)
    out = one.run().ok().split()
    assert out[:3] == ["0", "0", "0"] and out[4:6] == ["rootless", "1"]
    assert out[3] == ("deny" if mappings is SINGLE else "allow")
    expected = [str(row[key]) for row in mappings["uidMappings"] for key in ("containerID", "hostID", "size")]
    assert out[6:] == expected


@BOTH
def test_capabilities_are_the_namespaces(mine, mappings):
    one = mine("grep", "Cap", "/proc/self/status", mappings=mappings)
    one.process["capabilities"] = {kind: ["CAP_SYS_RESOURCE", "CAP_KILL"]
                                   for kind in ("bounding", "permitted", "effective")}
    done = one.run()
    assert [line.split()[1] for line in done.ok().splitlines()[1:4]] == ["0000000001000020"] * 3
    assert "not granted" not in done.err


def test_ambient_capabilities_of_runcs_specification(mine):
    """It lists them as ambient and not as inheritable, which the kernel does not raise."""
    one = mine("grep", "Cap", "/proc/self/status")
    names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    one.process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted", "ambient")}
    done = one.run()
    assert [line.split()[1] for line in done.ok().splitlines()] == [
        "0" * 16, "0000000020000420", "0000000020000420", "0000000020000420", "0" * 16]
    assert "ambient capabilities not raised" in done.err
    one.process["capabilities"]["inheritable"] = names
    done = one.run()
    assert done.ok().splitlines()[4].split()[1] == "0000000020000420" and "ambient" not in done.err


def test_files_are_the_users(mine):
    one = mine("touch", "/root/made")
    one.run().ok()
    status = (one.root / "root/made").stat()
    assert (status.st_uid, status.st_gid) == (UID, GID)


def test_other_ids_with_subordinate_ids(mine):
    one = mine("sleep", "1000", mappings=FULL)
    one.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [2000]}
    one.detached()
    status = Path(f"/proc/{one.pid()}/status").read_text()
    assert f"Uid:\t{SUB_FIRST + 999}" in status and f"Groups:\t{SUB_FIRST + 1999} \n" in status
    assert one.inside("id -u; id -G", "--user", "7:8", "--additional-gids", "9").ok().split() == ["7", "8", "9", "2000"]


def test_groups_without_subordinate_ids(mine):
    one = mine("true")
    one.process["user"]["additionalGids"] = [0]
    one.run().failed("additionalgids", "setgroups")


def test_id_that_is_not_mapped(mine):
    one = mine("true")
    one.process["user"]["uid"] = 1
    one.run().failed("user")
    one = mine("sleep", "1000").detached()
    one.exec("--user", "5", one.id, "true").failed("user")


def test_mapping_without_root(mine):
    one = mine("true", mappings={kind: [{"containerID": 5, "hostID": host, "size": 1}]
                                 for kind, host in (("uidMappings", UID), ("gidMappings", GID))})
    one.process["user"] = {"uid": 5, "gid": 5}
    one.run().failed("id 0 must be mapped")


def test_root_that_is_a_subordinate_id(mine):
    """The user's own folders are closed to container root, and are its bundle and volumes all the same."""
    one = mine("sh", "-c", "cat /volume/file; cat /proc/self/uid_map", mappings=APART)
    closed = one.bundle / "closed"
    closed.mkdir()
    (closed / "file").write_text("inside\n")
    (one.root / "volume").mkdir()
    one.mount("/volume", "closed", "bind", ["rbind"])
    give(one.bundle, UID, GID)
    one.bundle.chmod(0o700)
    one.write()
    os.chown(one.bundle / "config.json", UID, GID)
    assert one.run(write=False).ok().split() == ["inside", "0", str(SUB_FIRST), str(SUB_COUNT)]


# --- the helpers ---

def test_no_helper_for_ones_own_id(mine):
    one = mine("true")
    one.prefix += ["env", "PATH=/nonexistent"]
    one.run().ok()


def test_helper_is_absent(mine):
    one = mine("true", mappings=FULL)
    one.prefix += ["/usr/bin/env", "PATH=/nonexistent"]
    error = one.run().failed("linux.gidmappings", "newgidmap", "apt-get install uidmap")
    assert len([line for line in error.splitlines() if "error" in line or "corten-runtime:" in line]) == 1
    one.assert_nothing_left()


def test_user_without_subordinate_ids(mine):
    one = mine("true", mappings=FULL, uid=OTHER_UID, gid=OTHER_UID)
    for kind in ("uidMappings", "gidMappings"):
        one.linux[kind][0]["hostID"] = OTHER_UID
    one.run().failed("newgidmap", "/etc/subgid")


def test_others_ids(mine):
    one = mine("true")
    one.linux["uidMappings"][0]["hostID"] = 0
    one.run().failed("linux.uidmappings", "newuidmap", "/etc/subuid")


def test_without_user_namespace(mine):
    one = mine("true").without_namespace("user")
    del one.linux["uidMappings"], one.linux["gidMappings"]
    one.run().failed("user namespace")


# --- state, seccomp ---

def test_seccomp_cache_is_the_users(mine):
    one = mine("mkdir", "/root/x")
    one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
    for _ in range(2):
        assert "not implemented" in one.run().failed("").lower()
    files = list((one.state_root / "~seccomp").iterdir())
    assert len(files) == 1 and files[0].stat().st_uid == UID


def test_filter_without_no_new_privileges(mine):
    one = mine("grep", "Seccomp:", "/proc/self/status")
    one.process["noNewPrivileges"] = False
    one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    assert one.run().ok().split() == ["Seccomp:", "2"]


def test_state_of_another_user(mine):
    one = mine("sleep", "1000").detached()
    one.prefix, prefix = as_user(OTHER_UID, OTHER_UID), one.prefix
    one.runtime("state", one.id).failed("state folder")
    one.runtime("kill", one.id, "KILL").failed("state folder")
    one.prefix = prefix
    assert one.status() == "running"


def test_state_is_in_the_session(mine):
    """Without --root, as the XDG Base Directory Specification wants it."""
    one = mine("sleep", "1000")
    session = one.bundle / "session"
    session.mkdir(mode=0o700)
    os.chown(session, UID, GID)
    one.state_root = session / "corten-runtime"
    one.prefix += ["env", f"XDG_RUNTIME_DIR={session}"]
    argv = one.argv
    one.argv = lambda *words: [word for word in argv(*words) if word not in ("--root", str(one.state_root))]
    one.detached()
    status = one.state_root.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (UID, 0o700) and (one.state_root / one.id).exists()
    assert one.status() == "running"


# --- devices, mounts ---

@BOTH
def test_devices_are_the_hosts(mine, mappings):
    one = mine("sh", "-c", "stat -c '%t:%T' /dev/null /dev/zero /dev/tty; echo x >/dev/null; mknod /tmp/n c 1 3 || echo no",
               mappings=mappings)
    assert one.run().ok().split() == ["1:3", "1:5", "5:0", "no"]


@BOTH
def test_device_of_the_configuration(mine, mappings):
    """What the host has is bound as it is there; what it has not, an ordinary user cannot make."""
    one = mine("stat", "-c", "%a %t:%T", "/dev/null", mappings=mappings)
    one.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 0, "gid": 0}]
    assert one.run().ok().strip() == "666 1:3"
    one.linux["devices"][0]["path"] = "/dev/corten-none"
    one.run().failed("linux.devices[0]", "'/dev/corten-none' (c 1:3)", "not the host's root")
    one.assert_nothing_left()


def test_fifo_of_the_configuration(mine):
    one = mine("sh", "-c", "test -p /dev/queue && stat -c %a /dev/queue")
    one.linux["devices"] = [{"path": "/dev/queue", "type": "p", "fileMode": 0o640}]
    assert one.run().ok().strip() == "640"


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_sysfs_follows_the_network_namespace(mine, own):
    one = mine("sh", "-c", "ls /sys/class/net; touch /sys/x || echo no")
    one.config["mounts"][5] = {"destination": "/sys", "type": "sysfs", "source": "sysfs",
                               "options": ["nosuid", "noexec", "nodev", "ro"]}
    if own:
        one.namespace("network")
    done = one.run()
    names = done.ok().split()
    assert names[-1] == "no"
    assert ("bound, read-only" in done.err) == (not own), done
    assert names[:-1] == (["lo"] if own else sorted(os.listdir("/sys/class/net")))


def test_devpts_with_a_group(mine):
    one = mine("true")
    one.config["mounts"][2]["options"].append("gid=5")
    one.run().failed("/dev/pts", "gid=5")


@pytest.fixture
def locked(mine, workshop):
    folder = workshop / "locked"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,nosuid,nodev,noexec,noatime", "locked", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_flags_of_a_bind_stay(mine, locked):
    one = mine("grep", " /root ", "/proc/self/mountinfo")
    one.mount("/root", locked, "bind", ["bind"])
    flags = one.run().ok().split()[5].split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(flags)


def test_flags_of_a_bind_are_locked(mine, locked):
    one = mine("true")
    one.mount("/root", locked, "bind", ["bind", "rw"])
    one.run().failed("/root", "locked")


# --- terminal, limits, hooks ---

@BOTH
def test_terminal(mine, mappings):
    one = mine("sh", "-c", "tty; stat -c %u /dev/console; test -t 0 && echo yes", mappings=mappings)
    one.process["terminal"] = True
    if mappings is FULL:
        one.process["user"] = {"uid": 1000, "gid": 1000}
    one.write()
    status, shown = on_terminal(one.argv("run", "--bundle", one.bundle, one.id))
    assert status == 0, shown
    assert shown.split()[-3:] == ["/dev/pts/0", "1000" if mappings is FULL else "0", "yes"]


def test_exec_with_terminal(mine):
    one = mine("sleep", "1000").detached()
    status, shown = one.terminal("exec", "-t", one.id, "sh", "-c", "tty; exit 7")
    assert status == 7 and "/dev/pts/0" in shown


def test_oom_score(mine):
    now = int(Path("/proc/self/oom_score_adj").read_text())
    one = mine("cat", "/proc/self/oom_score_adj")
    one.process["oomScoreAdj"] = now + 10
    assert one.run().ok().strip() == str(now + 10)
    one = mine("true")
    one.process["oomScoreAdj"] = now - 10
    one.run().failed("oomscoreadj", "CAP_SYS_RESOURCE")


def test_hooks(mine):
    one = mine("true")
    said = one.bundle / "said"
    one.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"id -u >{said}"]}]}
    one.run().ok()
    assert said.read_text().strip() == str(UID)


# --- control groups ---

def test_without_delegation(mine, tmp_path):
    one = mine("sleep", "1000")
    log = one.bundle / "log.json"
    one.options = ["--log", log, "--log-format", "json"]
    one.detached()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["level"] for line in lines] == ["warning"] and WITHOUT in lines[0]["msg"]
    assert "cgroupPaths" not in json.loads((one.state_root / one.id / "state.json").read_text())
    one.runtime("pause", one.id).failed("without a control group")
    assert one.status() == "running"
    assert one.inside("sleep 900 & echo $!").ok().strip()
    one.runtime("kill", "--all", one.id, "KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("resources, field", [
    ({"pids": {"limit": 20}}, "pids.limit"), ({"memory": {"limit": 1 << 26}}, "memory"),
    ({"cpu": {"shares": 512}}, "cpu"), ({"cpu": {"cpus": "0"}}, "cpu.cpus"),
    ({"unified": {"memory.high": "1"}}, "unified")])
def test_limit_without_delegation(mine, resources, field):
    one = mine("true")
    one.linux["resources"] = resources
    one.run().failed(f"linux.resources.{field}", "permission denied", "delegate")
    one.assert_nothing_left()


@pytest.mark.parametrize("resources", [
    {}, {"devices": [{"allow": False, "access": "rwm"}]}, {"pids": {"limit": -1}, "memory": {"limit": -1}},
    {"memory": {}, "cpu": {"quota": 0, "shares": 0}, "blockIO": {"weight": 0}}])
def test_nothing_asked(mine, resources):
    one = mine("true")
    one.linux["resources"] = resources
    done = one.run()
    done.ok()
    assert WITHOUT in done.err


def test_without_delegation_and_pid_namespace(mine):
    one = mine("true").without_namespace("pid")
    one.run().failed("control group", "pid namespace")


@pytest.mark.parametrize("only", [True, False], ids=["v2", "hybrid"])
@BOTH
def test_delegated_cgroup(delegated, mine, mappings, only):
    one = mine("sleep", "1000", mappings=mappings)
    one.prefix = within(delegated, one.prefix, only)
    done = one.run("--detach")
    done.ok()
    assert WITHOUT not in done.err
    folder = (delegated if only else delegated / "home") / one.id
    assert folder.stat().st_uid == UID and str(one.pid()) in (folder / "cgroup.procs").read_text().split()
    assert one.inside("cat /proc/self/cgroup").ok().strip().splitlines()[-1] == "0::/"
    one.runtime("pause", one.id).ok()
    assert one.status() == "paused"
    one.runtime("resume", one.id).ok()
    one.runtime("kill", "--all", one.id, "KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    assert not folder.exists()


def test_delegated_cgroup_by_path(delegated, mine):
    one = mine("true")
    one.prefix = within(delegated, one.prefix)
    top = Path("/sys/fs/cgroup/unified") if "unified" in str(delegated) else Path("/sys/fs/cgroup")
    one.linux["cgroupsPath"] = f"/{delegated.relative_to(top)}/named"
    done = one.run()
    done.ok()
    assert WITHOUT not in done.err
    one.linux["cgroupsPath"] = "/not-delegated"
    assert WITHOUT in one.run().err


def test_delegated_cgroup_without_the_controller(delegated, mine):
    one = mine("true")
    one.prefix = within(delegated, one.prefix)
    one.linux["resources"] = {"pids": {"limit": 20}}
    one.run().failed("pids")
    assert not (delegated / one.id).exists()


def test_delegated_cgroup_from_outside(delegated, mine):
    """The kernel lets no user move processes in from a cgroup that is not the user's."""
    one = mine("sleep", "1000")
    top = Path("/sys/fs/cgroup/unified") if "unified" in str(delegated) else Path("/sys/fs/cgroup")
    one.prefix = ["unshare", "-m", "sh", "-c", V2_ONLY + 'exec "$@"', "sh", *one.prefix]
    one.linux["cgroupsPath"] = f"/{delegated.relative_to(top)}/named"
    done = one.run("--detach")
    done.ok()
    assert WITHOUT in done.err and not (delegated / "named").exists()
    one.linux["resources"] = {"unified": {"cgroup.max.depth": "5"}}
    other = mine("true")
    other.prefix, other.linux["cgroupsPath"] = one.prefix, one.linux["cgroupsPath"]
    other.linux["resources"] = {"unified": {"cgroup.max.depth": "5"}}
    other.run().failed("linux.resources.unified")


def test_limit_in_a_delegated_cgroup(delegated, mine):
    one = mine("sleep", "1000")
    one.prefix = within(delegated, one.prefix)
    one.linux["resources"] = {"unified": {"cgroup.max.depth": "5"}}
    one.detached()
    assert (delegated / one.id / "cgroup.max.depth").read_text().strip() == "5"


# --- CVE-2023-25809: the user's own cgroups, writable through /sys ---

TRY = """import os, sys
found = []
for top, folders, files in os.walk('/sys/fs/cgroup'):
    for name in files:
        if name in ('cgroup.procs', 'cgroup.freeze', 'tasks', 'notify_on_release', 'release_agent'):
            try:
                os.close(os.open(os.path.join(top, name), os.O_WRONLY))
                found.append(os.path.join(top, name))
            except OSError:
                pass
    try:
        os.mkdir(os.path.join(top, 'escape'))
        os.rmdir(os.path.join(top, 'escape'))
        found.append(top)
    except OSError:
        pass
print('writable:', len(found), *found[:3])
"""
def without_cgroup_mount(one):
    one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/sys/fs/cgroup"]


@pytest.mark.parametrize("only", [True, False], ids=["v2", "hybrid"])
@pytest.mark.parametrize("mounted", ["mounted", "rw", "absent"])
def test_cgroups_are_not_writable(delegated, mine, mounted, only):
    prefix = within(delegated, as_user(), only)
    outside = call([*prefix, sys.executable, "-c", TRY]).ok()
    assert "writable: 0" not in outside, "the attack has nothing to attack"
    one = mine("sh", "-c", TRY_SH).without_namespace("cgroup")
    one.prefix = prefix
    if mounted == "absent":
        without_cgroup_mount(one)
    elif mounted == "rw":
        one.config["mounts"][6]["options"].remove("ro")
    assert one.run().ok().strip() == "writable: 0"


@pytest.mark.parametrize("mounted", ["mounted", "rw", "absent"])
@pytest.mark.parametrize("kind", ["own", "shared"])
def test_cgroups_are_not_writable_without_one(delegated, mine, kind, mounted):
    """In nobody's cgroup the container is in the runtime's, which is the user's."""
    one = mine("sh", "-c", TRY_SH)
    one.prefix = within(delegated, one.prefix)
    one.linux["cgroupsPath"] = "/not-delegated"
    if kind == "shared":
        one.without_namespace("cgroup")
    if mounted == "absent":
        without_cgroup_mount(one)
    elif mounted == "rw":
        one.config["mounts"][6]["options"].remove("ro")
    done = one.run()
    assert WITHOUT in done.err
    assert done.ok().strip() == "writable: 0"


@pytest.mark.parametrize("source", ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs", "/sys//./fs/.."])
def test_bound_cgroups_are_not_writable(delegated, mine, source):
    if not Path(source).exists():
        pytest.skip(f"no {source} here")
    one = mine("sh", "-c", TRY_SH.replace("/sys/fs/cgroup", "/root")).without_namespace("cgroup")
    one.prefix = within(delegated, one.prefix, False)
    one.mount("/root", source, "bind", ["rbind", "ro"])
    assert one.run().ok().strip() == "writable: 0"


# --- a /proc that hides ---

@pytest.mark.parametrize("how", ["hidepid=1", "hidepid=2", "hidepid=ptraceable"])
@BOTH
def test_hidepid(mine, mappings, how):
    one = mine(mappings=mappings)
    one.prefix = ["unshare", "-m", "sh", "-c", f'mount -t proc -o {how} proc /proc && exec "$@"', "sh", *one.prefix]
    lifecycle(one)


def test_nothing_is_left(mine):
    one = mine("true")
    one.run().ok()
    one.assert_nothing_left()
    assert not cgroup_folders(one.id)
    wait_for(lambda: not [p for p in one.state_root.iterdir() if p.name == one.id], "the state to go")
