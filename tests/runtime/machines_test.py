"""Machines of other kinds: control groups mounted in every way or none, a /proc that hides, and a runtime that is root
of a user namespace alone or in a container."""
import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from box import CGROUPS, MOUNTS, RUNTIME, SANITIZED, call, docker_config, make_root, on_terminal
from users import (SUB_COUNT, SUB_FIRST, TRY_SH, UID, GID, as_user, give, reachable_runtime, rootless_config,
                   within)

WITHOUT = "runs without a control group"
NO_MKNOD = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_DAC_OVERRIDE"]


def on_machine(script):
    """A prefix: in a mount namespace of its own, the script first."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-ec", script + '\nexec "$@"', "sh"]


READ_ONLY = on_machine("cut -d' ' -f5 /proc/self/mountinfo | grep ^/sys/fs/cgroup | "
                       "while read -r p; do mount -o remount,bind,ro $p; done")
ABSENT = on_machine("umount -R /sys/fs/cgroup")
V2 = on_machine("umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup /sys/fs/cgroup")
V1 = on_machine("if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi")


def plain(box, *args):
    """As `spec` writes it: a rule that denies all devices, no capability to make one."""
    one = box(*args)
    one.process["capabilities"] = {kind: list(NO_MKNOD) for kind in ("bounding", "effective", "permitted")}
    one.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    return one


# --- control groups ---

@pytest.mark.parametrize("machine, word", [(READ_ONLY, "read-only"), (ABSENT, "no cgroup hierarchy is mounted")],
                         ids=["read-only", "absent"])
def test_without_cgroups(box, machine, word):
    one = plain(box, "sleep", "1000")
    one.prefix = machine
    done = one.run("--detach")
    done.ok()
    assert WITHOUT in done.err and word in done.err.lower()
    assert one.status() == "running"
    assert one.inside("cat /proc/1/cmdline").ok().startswith("sleep")
    one.runtime("pause", one.id).failed("without a control group")
    (one.bundle / "limits.json").write_text('{"pids": {"limit": 5}}')
    one.runtime("update", "--resources", one.bundle / "limits.json", one.id).failed("without a control group")
    one.runtime("kill", "--all", one.id, "KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("machine", [READ_ONLY, ABSENT], ids=["read-only", "absent"])
@pytest.mark.parametrize("resources, field", [({"pids": {"limit": 9}}, "pids.limit"),
                                              ({"memory": {"limit": 1 << 26}}, "memory")])
def test_limit_without_cgroups(box, machine, resources, field):
    one = plain(box, "true")
    one.linux["resources"] = resources
    one.prefix = machine
    one.run().failed(f"linux.resources.{field}", "mount")
    one.assert_nothing_left()


@pytest.mark.parametrize("machine", [READ_ONLY, ABSENT], ids=["read-only", "absent"])
def test_devices_without_cgroups(box, machine):
    """Whoever may make nodes needs the rules that are asked for; whoever may not cannot use an image's either."""
    one = box("true")
    one.prefix = machine
    one.run().failed("linux.resources.devices")
    one = plain(box, "sh", "-c", "echo x >/dev/null && (cat </planted || echo refused)")
    subprocess.run(["mknod", "-m", "666", str(one.root / "planted"), "c", "1", "5"], check=True)
    one.prefix = machine
    done = one.run()
    assert done.ok().split() == ["refused"] and "permission denied" in done.err.lower()


@pytest.mark.parametrize("value, works", [("false", False), ("true", True), ("auto", True)])
def test_a_cgroup_is_wanted(box, value, works):
    one = plain(box, "true")
    one.prefix = READ_ONLY
    one.write()
    done = one.runtime("--rootless", value, "run", "--bundle", one.bundle, one.id)
    if works:
        done.ok()
    else:
        done.failed("read-only", "--rootless false")


def test_without_cgroups_and_pid_namespace(box):
    one = plain(box, "true").without_namespace("pid")
    one.prefix = READ_ONLY
    one.run().failed("pid namespace")


@pytest.mark.parametrize("machine", [READ_ONLY, ABSENT], ids=["read-only", "absent"])
def test_cgroup_mount_without_cgroups(box, machine):
    one = plain(box, "sh", "-c", "ls /sys/fs/cgroup; touch /sys/fs/cgroup/x || echo no")
    one.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid"])
    one.prefix = machine
    assert one.run().ok().split() == ["no"]


@pytest.mark.parametrize("machine", [V1, [], V2], ids=["v1", "hybrid", "v2"])
def test_kinds_of_hosts(box, machine):
    one = box("sleep", "1000")
    one.namespace("cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "ro"])
    one.prefix = machine
    done = one.run("--detach")
    done.ok()
    assert WITHOUT not in done.err
    paths = {line.split(":")[1]: line.split(":")[2] for line in Path(f"/proc/{one.pid()}/cgroup").read_text().splitlines()}
    if machine is not V2 and (CGROUPS / "memory/cgroup.procs").exists():
        assert paths["memory"] == one.cgroup
    if machine is not V1 and "" in paths:
        assert paths[""] == one.cgroup
    one.inside("test -e /sys/fs/cgroup/cgroup.procs || test -e /sys/fs/cgroup/memory/tasks").ok()
    one.runtime("pause", one.id).ok()
    assert one.status() == "paused"
    one.runtime("resume", one.id).ok()
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()
    one.assert_nothing_left()


@pytest.mark.parametrize("how", ["1", "2", "ptraceable"])
def test_hidepid(box, how):
    one = box("sleep", "1000")
    one.prefix = on_machine(f"mount -t proc -o hidepid={how} proc /proc")
    one.create().ok()
    one.start().ok()
    assert one.status() == "running"
    assert one.inside("echo in").ok() == "in\n"
    one.kill("KILL").ok()
    one.wait_status("stopped")
    one.delete().ok()


# --- root of a user namespace ---

SINGLE_ROOT = ["unshare", "--user", "--map-root-user"]
FULL_ROOT = ["unshare", "--user", "--map-root-user", f"--map-users={SUB_FIRST},1,{SUB_COUNT}",
             f"--map-groups={SUB_FIRST},1,{SUB_COUNT}"]
NESTED = pytest.mark.parametrize("kind", ["single", "full"])


@pytest.fixture
def nested(box, tools):
    """Makes bundles for a runtime that an ordinary user runs as root of a user namespace."""
    runtime = reachable_runtime(tools)

    def make(kind, *args, script=None):
        one = box(*args)
        one.config = rootless_config(args, {})
        one.without_namespace("user")
        one.program = runtime
        enter = SINGLE_ROOT if kind == "single" else FULL_ROOT
        one.prefix = [*as_user(), *enter, "--mount", "sh", "-ec", (script or "") + '\nexec "$@"', "sh"]
        give(one.bundle, UID, GID)
        give(one.state_root, UID, GID)
        return one

    return make


@NESTED
def test_nested(nested, kind):
    one = nested(kind, "sh", "-c", "id -u; stat -c %t:%T /dev/null; echo x >/dev/null; cat /proc/1/comm; "
                 "touch /proc/sys/x 2>/dev/null || echo no; cat /proc/self/uid_map")
    done = one.run()
    assert done.ok().split()[:5] == ["0", "1:3", "sh", "no", "0"]
    assert WITHOUT in done.err


@NESTED
def test_nested_with_networks_and_sysfs(nested, kind):
    one = nested(kind, "ls", "/sys/class/net").namespace("network")
    one.config["mounts"][5] = copy.deepcopy(MOUNTS[3])
    assert one.run().ok().split() == ["lo"]


@NESTED
def test_nested_sysfs_is_bound(nested, kind):
    one = nested(kind, "sh", "-c", "ls /sys/class/net; touch /sys/x || echo no; grep -c ' /sys/' /proc/self/mountinfo")
    one.config["mounts"][5] = copy.deepcopy(MOUNTS[3])
    done = one.run()
    assert "bound, read-only" in done.err
    assert set(os.listdir("/sys/class/net")) < set(done.ok().split()) and "no" in done.ok().split()


@NESTED
def test_nested_under_a_covered_proc(nested, kind):
    """The kernel gives no new procfs where that would uncover what is covered."""
    one = nested(kind, "true")
    one.prefix = on_machine("mount -t tmpfs cover /proc/sys") + one.prefix
    one.run().failed("/proc", "covered", "unmask=all")


@NESTED
def test_nested_groups(nested, kind):
    one = nested(kind, "id", "-G")
    one.process["user"]["additionalGids"] = [7]
    if kind == "single":
        one.run().failed("additionalgids", "setgroups")
    else:
        assert one.run().ok().split() == ["0", "7"]


@NESTED
def test_nested_devpts_group(nested, kind):
    one = nested(kind, "stat", "-c", "%g", "/dev/pts/ptmx")
    one.config["mounts"][2]["options"].append("gid=5")
    if kind == "single":
        one.run().failed("gid=5")
    else:
        one.run().ok()


@NESTED
def test_nested_terminal(nested, kind):
    one = nested(kind, "sh", "-c", "tty; test -t 0 && echo yes")
    one.process["terminal"] = True
    one.write()
    status, shown = on_terminal(one.argv("run", "--bundle", one.bundle, one.id))
    assert (status, shown.split()[-2:]) == (0, ["/dev/pts/0", "yes"]), shown


@NESTED
def test_nested_oom_score(nested, kind):
    now = int(Path("/proc/self/oom_score_adj").read_text())
    one = nested(kind, "cat", "/proc/self/oom_score_adj")
    one.process["oomScoreAdj"] = now + 1
    assert one.run().ok().strip() == str(now + 1)
    one = nested(kind, "true")
    one.process["oomScoreAdj"] = now - 1
    one.run().failed("oomscoreadj")


@NESTED
def test_nested_limit(nested, kind):
    one = nested(kind, "true")
    one.linux["resources"] = {"pids": {"limit": 5}}
    one.run().failed("linux.resources.pids.limit")


def test_nested_user_namespace(nested):
    """A user namespace in a user namespace, by the rights of the outer one's root: no helper."""
    one = nested("full", "cat", "/proc/self/uid_map", script="export PATH=/bin:/usr/bin")
    one.namespace("user")
    mapping = [{"containerID": 0, "hostID": 1000, "size": 1000}]
    one.linux.update(uidMappings=mapping, gidMappings=mapping)
    subprocess.run(["chown", "-R", f"{SUB_FIRST + 999}:{SUB_FIRST + 999}", str(one.root)], check=True)
    assert one.run().ok().split() == ["0", "1000", "1000"]


@NESTED
@pytest.mark.parametrize("mounted", ["mounted", "rw", "absent"])
@pytest.mark.parametrize("path", ["/not-delegated", None], ids=["nobody's", "own"])
def test_nested_cgroups_are_not_writable(delegated, nested, kind, mounted, path):
    """As in rootless_test: the user's cgroups are the nested root's (CVE-2023-25809)."""
    one = nested(kind, "sh", "-c", TRY_SH).without_namespace("cgroup")
    one.prefix = within(delegated, one.prefix)
    if path:
        one.linux["cgroupsPath"] = path
    else:
        top = CGROUPS / "unified" if "unified" in str(delegated) else CGROUPS
        one.linux["cgroupsPath"] = f"/{delegated.relative_to(top)}/nested"
    if mounted == "absent":
        one.config["mounts"] = one.config["mounts"][:6]
    elif mounted == "rw":
        one.config["mounts"][6]["options"].remove("ro")
    done = one.run()
    assert (WITHOUT in done.err) == bool(path)
    assert done.ok().strip() == "writable: 0"


def test_nested_lifecycle(nested, tools):
    """Two user namespaces for two commands: the second is not the container's."""
    one = nested("single", "sleep", "1000", script=None)
    script = one.argv("run", "--detach", "--bundle", one.bundle, one.id)
    runtime = f"{one.program} --root {one.state_root}"
    one.write()
    body = (f"{runtime} run --detach --bundle {one.bundle} {one.id}\n{runtime} exec {one.id} echo in\n"
            f"{runtime} state {one.id} | grep -c running\n{runtime} kill {one.id} KILL\nsleep 0.3\n"
            f"{runtime} delete {one.id}\n")
    done = call([*script[:script.index("sh")], "sh", "-ec", body, "sh"])
    assert done.ok().split() == ["in", "1"]


# --- in a container that the runtime itself runs ---

def outer_box(box, inner_config, userns):
    """A container with the rights to run containers: a bundle and the runtime are in its root."""
    if SANITIZED:
        pytest.skip("a dynamic runtime does not run in a root without its libraries")
    outer = box("sh", "-c", "")
    all_caps = [f"CAP_{name}" for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_ADMIN NET_RAW SYS_CHROOT SYS_ADMIN MKNOD "
        "SETFCAP SYS_PTRACE AUDIT_WRITE NET_BIND_SERVICE").split()]
    outer.process["capabilities"] = {kind: list(all_caps) for kind in ("bounding", "effective", "permitted")}
    outer.linux.update(maskedPaths=[], readonlyPaths=[])
    outer.linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    outer.namespace("cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid"])
    bundle = outer.root / "bundle"
    make_root(bundle / "rootfs")
    (outer.root / "run").mkdir()
    shutil.copy(RUNTIME, outer.root / "corten-runtime")
    (bundle / "config.json").write_text(json.dumps(inner_config))
    if userns:
        outer.namespace("user")
        mapping = [{"containerID": 0, "hostID": SUB_FIRST, "size": SUB_COUNT}]
        outer.linux.update(uidMappings=mapping, gidMappings=mapping)
        give(outer.root, SUB_FIRST, SUB_FIRST)
    return outer.sh("/corten-runtime --root /run/state run --bundle /bundle inner")


@pytest.mark.parametrize("userns", [False, True], ids=["root", "userns"])
def test_in_a_container(box, userns):
    inner = docker_config(["sh", "-c", "echo inner; cat /proc/1/comm; echo x >/dev/null && stat -c %t:%T /dev/null"])
    if userns:
        inner["linux"]["resources"] = {}
    outer = outer_box(box, inner, userns)
    done = outer.run()
    assert done.ok().split() == ["inner", "sh", "1:3"], done
    assert (WITHOUT in done.err) == userns, done


def test_in_a_masked_container(box):
    """As an engine's container is without being asked for more: no procfs for a user namespace beneath it."""
    inner = rootless_config(["true"], {kind: [{"containerID": 0, "hostID": 0, "size": 1}]
                                       for kind in ("uidMappings", "gidMappings")})
    outer = outer_box(box, inner, False)
    outer.linux["maskedPaths"] = ["/proc/keys", "/proc/scsi"]
    outer.linux["readonlyPaths"] = ["/proc/sys"]
    outer.run().failed("covered", "unmask=all")
    inner["linux"]["namespaces"] = [{"type": kind} for kind in ("ipc", "uts", "mount", "cgroup", "user")]
    (outer.root / "bundle/config.json").write_text(json.dumps(inner))
    outer.run().failed("pid namespace")
