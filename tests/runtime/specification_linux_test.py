"""The runtime specification 1.3, "Linux Container Configuration" (config-linux.md) and the features structure
(features.md, features-linux.md): clauses that no other test holds."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from box import CGROUPS, RUNTIME, call, cgroup_folders, hierarchies, rule

V2 = ["unshare", "-m", "--propagation", "private", "sh", "-c",
      'umount -R /sys/fs/cgroup; mount -t cgroup2 c /sys/fs/cgroup && exec "$@"', "sh"]
KINDS = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]


@pytest.fixture(scope="module")
def features():
    return json.loads(call([RUNTIME, "features"]).ok())


def put(config, path, value):
    *parents, last = path.split(".")
    for name in parents:
        config = config.setdefault(name, {})
    config[last] = value


def with_mappings(one):
    one.namespace("user")
    for kind in ("uidMappings", "gidMappings"):
        one.linux[kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    return one


def with_filter(one, action="SCMP_ACT_ALLOW", rules=(), **more):
    one.linux["seccomp"] = {"defaultAction": action, "syscalls": list(rules), **more}
    return one


# --- namespaces and mappings ---

@pytest.mark.parametrize("path", ["proc/self/ns/net", "./net", "net"])
def test_namespace_path_is_absolute(box, path):
    """config-linux.md, Namespaces, path: MUST be absolute, though it would be found from the working folder."""
    one = box("true")
    (one.bundle / "net").touch()
    subprocess.run(["mount", "--bind", "/proc/self/ns/net", str(one.bundle / "net")], check=True)
    try:
        one.namespace("network", path).run(cwd=one.bundle if "net" in path[:5] else "/").failed("absolute")
    finally:
        subprocess.run(["umount", str(one.bundle / "net")], check=True)


@pytest.mark.parametrize("kind, other", [("network", "uts"), ("uts", "ipc"), ("ipc", "net"), ("pid", "net"), ("cgroup", "net"),
                                         ("mount", "net"), ("user", "net"), ("time", "net")])
def test_namespace_path_of_another_type(box, kind, other):
    """config-linux.md, Namespaces, path: an error if it is a namespace of another type."""
    one = box("true")
    if kind == "user":
        one.config["linux"].pop("uidMappings", None)
    one.namespace(kind, f"/proc/self/ns/{other}").run().failed("namespace")
    one.assert_nothing_left()


@pytest.mark.parametrize("kind", KINDS)
def test_namespace_twice_of_each_type(box, kind):
    """config-linux.md, Namespaces: two entries of one type are an error."""
    one = box("true").namespace(kind)
    one.linux["namespaces"].append({"type": kind})
    one.run().failed(kind)


@pytest.mark.parametrize("member", ["containerID", "hostID", "size"])
@pytest.mark.parametrize("kind", ["uidMappings", "gidMappings"])
def test_mapping_lacks_a_member(box, kind, member):
    """config-linux.md, User namespace mappings: containerID, hostID and size are REQUIRED."""
    one = with_mappings(box("true"))
    del one.linux[kind][0][member]
    one.run().failed(f"{kind}[0].{member}")


# --- devices ---

@pytest.mark.parametrize("kind, shown", [("c", "character special file 1:3"), ("u", "character special file 1:3"),
                                         ("b", "block special file 7:5"), ("p", "fifo 0:0")])
@pytest.mark.parametrize("path", ["/dev/made", "/etc/deep/made"])
def test_device_of_each_type_anywhere(box, kind, shown, path):
    """config-linux.md, Devices: each type is made, in any folder, with mode and owner; a fifo without numbers."""
    one = box("stat", "-c", "%F %t:%T %a %u:%g", path)
    numbers = {"p": {}, "b": {"major": 7, "minor": 5}}.get(kind, {"major": 1, "minor": 3})
    one.linux["devices"] = [{"path": path, "type": kind, "fileMode": 0o641, "uid": 12, "gid": 34, **numbers}]
    assert one.run().ok() == f"{shown} 641 12:34\n"


@pytest.mark.parametrize("planted", ["file", "folder", "link", "other"])
def test_device_where_another_file_is(box, planted):
    """config-linux.md, Devices, path: a file there that is not the device is an error."""
    one = box("true")
    place = one.root / "etc" / "node"
    {"file": lambda: place.write_text("x"), "folder": place.mkdir, "link": lambda: place.symlink_to("/dev/null"),
     "other": lambda: os.mknod(place, 0o20666, os.makedev(1, 5))}[planted]()
    one.linux["devices"] = [{"path": "/etc/node", "type": "c", "major": 1, "minor": 3}]
    one.run().failed("/etc/node")
    one.assert_nothing_left()


def test_device_that_is_there_already(box):
    """config-linux.md, Devices, path: a file there that is the device is no error."""
    one = box("stat", "-c", "%t:%T", "/etc/node")
    os.mknod(one.root / "etc" / "node", 0o20666, os.makedev(1, 3))
    one.linux["devices"] = [{"path": "/etc/node", "type": "c", "major": 1, "minor": 3}]
    assert one.run().ok() == "1:3\n"


@pytest.mark.parametrize("name, minor", [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)])
def test_default_device_as_configured(box, name, minor):
    """config-linux.md, Devices, Default Devices: one that is configured too has the mode and owner that are asked."""
    one = box("stat", "-c", "%t:%T %a %u:%g", f"/dev/{name}")
    one.linux["devices"] = [{"path": f"/dev/{name}", "type": "c", "major": 1, "minor": minor, "fileMode": 0o640, "uid": 3, "gid": 4}]
    assert one.run().ok() == f"1:{minor} 640 3:4\n"


@pytest.mark.parametrize("userns", [False, True])
def test_default_devices_are_supplied(box, userns):
    """config-linux.md, Default Devices: all are there and work; ptmx is the container's own devpts'; no console without
    a terminal is needed."""
    one = box().sh("for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done; "
                   "head -c3 /dev/zero | wc -c; head -c3 /dev/urandom | wc -c; echo x >/dev/null && echo null; "
                   "echo x 2>/dev/null >/dev/full || echo full; test /dev/ptmx -ef /dev/pts/ptmx && echo own")
    if userns:
        with_mappings(one)
    assert one.run().ok().split() == ["3", "3", "null", "full", "own"]


def test_device_rule_needs_allow(box):
    """config-linux.md, Allowed Device list: allow is REQUIRED."""
    one = box("true")
    one.linux["resources"]["devices"] = [{"access": "rwm"}]
    one.run().failed("devices[0].allow")


@pytest.mark.parametrize("rules, passes", [
    ([rule(False, None), rule(True, "c", 10, 183)], True), ([rule(True, "c", 10, 183), rule(False, None)], False),
    ([rule(False, None), rule(True, "c", 10, 183), rule(False, "c", 10, 183)], False),
    ([rule(True, "a"), rule(False, "c", 10, 183), rule(True, "c", 10, 183)], True)])
@pytest.mark.parametrize("view", ["as it is", "version 2"])
def test_device_rules_in_order(box, rules, passes, view):
    """config-linux.md, Allowed Device list: entries hold in the listed order, on either version of control groups."""
    # Whether or not the machine has a driver for it: the rules are asked first.
    one = box().sh("(: </dev/node) 2>&1 | grep -q 'not permitted' && echo denied || echo passes")
    one.linux["devices"] = [{"path": "/dev/node", "type": "c", "major": 10, "minor": 183, "fileMode": 0o666}]
    one.linux["resources"]["devices"] = rules
    if view == "version 2":
        one.prefix = V2
    assert one.run().ok() == ("passes\n" if passes else "denied\n")


# --- control groups ---

def test_absolute_path_of_groups(box):
    """config-linux.md, Cgroups Path: an absolute path is below the mount point, in each hierarchy, each time the same."""
    one = box("sleep", "1000")
    for _ in range(2):
        one.detached()
        listed = {top / one.cgroup.lstrip("/") for top in hierarchies()}
        assert listed >= set(cgroup_folders(one.cgroup)) and cgroup_folders(one.cgroup)
        for folder in cgroup_folders(one.cgroup):
            assert str(one.pid()) in (folder / "cgroup.procs").read_text().split(), folder
        one.delete("--force").ok()


def test_relative_path_of_groups(box):
    """config-linux.md, Cgroups Path: a relative path leads to the same place each time."""
    one = box("cat", "/proc/self/cgroup")
    one.linux["cgroupsPath"] = one.cgroup.lstrip("/")
    first, second = one.run().ok(), one.run().ok()
    assert first == second and one.linux["cgroupsPath"] in first


@pytest.mark.parametrize("resources, place", [
    ({"hugepageLimits": [{"limit": 1}]}, "pageSize"), ({"hugepageLimits": [{"pageSize": "2MB"}]}, "limit"),
    ({"blockIO": {"throttleReadBpsDevice": [{"minor": 0, "rate": 1}]}}, "major"),
    ({"blockIO": {"throttleReadBpsDevice": [{"major": 8, "rate": 1}]}}, "minor"),
    ({"blockIO": {"throttleWriteIOPSDevice": [{"major": 8, "minor": 0}]}}, "rate"),
    ({"blockIO": {"weightDevice": [{"major": 8, "weight": 100}]}}, "minor"),
    ({"network": {"priorities": [{"priority": 1}]}}, "name"), ({"network": {"priorities": [{"name": "lo"}]}}, "priority")])
def test_limit_lacks_a_member(box, resources, place):
    """config-linux.md, Block IO, Huge page limits, Network: a REQUIRED member that is absent is an error."""
    one = box("true")
    one.linux["resources"].update(resources)
    one.run().failed(place)


def test_weight_of_a_device_needs_one_of_two(box):
    """config-linux.md, Block IO, weightDevice: weight or leafWeight MUST be given."""
    one = box("true")
    one.linux["resources"]["blockIO"] = {"weightDevice": [{"major": 8, "minor": 0}]}
    one.run().failed("weightDevice")


def test_unified_values_are_written_unread(box):
    """config-linux.md, Unified: what the runtime does not know is written all the same, to the file of that name."""
    one = box("sleep", "1000")
    one.prefix = V2
    one.linux["resources"]["unified"] = {"cgroup.max.depth": "3", "cgroup.max.descendants": "7"}
    one.detached()
    folder = CGROUPS / "unified" / one.cgroup.lstrip("/")
    if not folder.exists():
        folder = CGROUPS / one.cgroup.lstrip("/")
    assert (folder / "cgroup.max.depth").read_text() == "3\n"
    assert (folder / "cgroup.max.descendants").read_text() == "7\n"


def test_unified_enables_the_controller(box):
    """config-linux.md, Unified: the controller that a file belongs to is enabled for the group."""
    one = box("sleep", "1000")
    top = CGROUPS / "unified" if (CGROUPS / "unified").exists() else CGROUPS
    controllers = (top / "cgroup.controllers").read_text().split()
    if "hugetlb" not in controllers:
        pytest.skip("no hugetlb controller on cgroup version 2")
    one.prefix = V2
    one.linux["resources"]["unified"] = {"hugetlb.2MB.max": "4194304"}
    one.detached()
    assert (top / one.cgroup.lstrip("/") / "hugetlb.2MB.max").read_text() == "4194304\n"


@pytest.mark.parametrize("name", ["absent.max", "nodots", "../escape.max", "memory.max/../cgroup.procs", ""])
def test_unified_of_no_controller(box, name):
    """config-linux.md, Unified: a controller that is not there is an error."""
    one = box("true")
    one.prefix = V2
    one.linux["resources"]["unified"] = {name: "1"}
    one.run().failed("unified")
    one.assert_nothing_left()


def test_unified_without_version_2(box):
    """config-linux.md, Unified: without a hierarchy of version 2 it is an error."""
    one = box("true")
    if (CGROUPS / "cgroup.controllers").exists():
        pytest.skip("this machine has cgroup version 2 alone")
    one.prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                  'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh"]
    one.linux["resources"]["unified"] = {"memory.max": "1000000"}
    one.run().failed("unified")


def test_groups_keep_their_owner(box):
    """config-linux.md, Cgroup ownership: on version 1 it SHOULD NOT change, and so nothing can fail for it."""
    one = with_mappings(box("sleep", "1000")).namespace("cgroup")
    one.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid"])
    one.detached()
    for folder in cgroup_folders(one.cgroup):
        if "unified" not in folder.parts:
            assert folder.stat().st_uid == 0, folder


# --- seccomp ---

@pytest.mark.parametrize("member", ["index", "value", "op"])
def test_comparison_lacks_a_member(box, member):
    """config-linux.md, Seccomp, args: index, value and op are REQUIRED."""
    comparison = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}
    del comparison[member]
    with_filter(box("true"), rules=[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [comparison]}]).run().failed(member)


def test_metadata_without_a_listener(box):
    """config-linux.md, Seccomp, listenerMetadata: MUST NOT be set without listenerPath."""
    with_filter(box("true"), listenerMetadata="x").run().failed("listenerMetadata")


# --- paths and propagation ---

@pytest.mark.parametrize("kind", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["etc/group", "./etc", "..", ""])
def test_path_that_is_not_absolute(box, kind, path):
    """config-linux.md, Masked Paths, Readonly Paths: MUST be absolute."""
    one = box("true")
    one.linux[kind] = [path]
    one.run().failed(kind)


@pytest.mark.parametrize("mode", ["shared", "slave", "private", "unbindable"])
def test_rootfs_propagation_is_the_roots(box, mode):
    """config-linux.md, Rootfs Mount Propagation: the root's mount is of the kind that is named."""
    one = box("sh", "-c", "grep ' / / \\| / ' /proc/self/mountinfo | head -1")
    one.linux["rootfsPropagation"] = mode
    line = one.run().ok().split(" - ")[0]
    tags = {word.split(":")[0] for word in line.split()[6:]}
    wanted = {"shared": {"shared"}, "unbindable": {"unbindable"}, "private": set(), "slave": set()}[mode]
    # The root is a slave only of a mount that is shared itself: here all are private.
    assert tags == wanted, line


# --- features ---

def test_annotations_of_features(features):
    """features.md, Annotations: a map of strings."""
    made = features.get("annotations") or {}
    assert isinstance(made, dict) and all(key and isinstance(value, str) for key, value in made.items())


def test_null_stands_for_nothing_known(features):
    """features.md, Features Structure: null is not an empty value; what is there is not null."""
    def walk(value):
        assert value is not None
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(one)
    walk(features)


def test_every_mount_option_of_features(box, features):
    """features.md, Mount Options: each that is named is recognised: no error tells it unknown."""
    one = box("true")
    (one.bundle / "volume").mkdir()
    for option in features["mountOptions"]:
        one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/data"]
        if option == "tmpcopyup":
            one.mount("/data", "tmpfs", "tmpfs", [option])
        elif option in ("idmap", "ridmap"):
            mapping = [{"containerID": 0, "hostID": 1000, "size": 10}]
            one.mount("/data", one.bundle / "volume", "none", ["bind", option], uidMappings=mapping, gidMappings=mapping)
        elif option == "remount":
            one.mount("/proc", "proc", "proc", ["remount"])
        else:
            one.mount("/data", one.bundle / "volume", "none", ["bind", option])
        done = one.run()
        assert done.status == 0, f"{option}: {done}"


def test_every_namespace_of_features(box, features):
    """features-linux.md, Namespaces: each that is named is recognised."""
    for kind in features["linux"]["namespaces"]:
        one = box("true")
        if kind == "user":
            with_mappings(one)
        one.namespace(kind).run().ok()


def test_every_capability_of_features(box, features):
    """features-linux.md, Capabilities: each that is named is recognised: no warning tells it unknown."""
    one = box("echo", "ran")
    names = features["linux"]["capabilities"]
    assert len(names) >= 41
    one.process["capabilities"] = {kind: names for kind in ("bounding", "permitted", "effective")}
    done = one.run()
    assert done.ok() == "ran\n" and "unknown" not in done.err


def test_every_word_of_seccomp_in_features(box, features):
    """features-linux.md, Seccomp: actions, operators, architectures and flags that are named are recognised."""
    seccomp = features["linux"]["seccomp"]
    assert seccomp["enabled"] and set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"])
    for action in seccomp["actions"]:
        if action == "SCMP_ACT_NOTIFY":
            continue  # needs who listens
        with_filter(box("true"), rules=[{"names": ["kexec_load"], "action": action}]).run().ok()
    rules = [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO", "args": [
        {"index": 0, "value": 1, "valueTwo": 1, "op": operator}]} for operator in seccomp["operators"]]
    with_filter(box("true"), rules=rules, architectures=seccomp["archs"]).run().ok()
    for flag in seccomp["supportedFlags"]:
        with_filter(box("true"), rules=[{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}], flags=[flag]).run().ok()


def test_recognised_mappings_are_told(features):
    """features-linux.md, Mount extensions, idmap: true where the mappings of mounts are recognised."""
    assert features["linux"]["mountExtensions"]["idmap"]["enabled"] is True


def test_schema_of_the_specification_program(box, tmp_path):
    """features.md, Specification version: what spec writes is of the version that features gives as the newest."""
    call([RUNTIME, "spec", "--bundle", tmp_path]).ok()
    made = json.loads((Path(tmp_path) / "config.json").read_text())
    newest = json.loads(call([RUNTIME, "features"]).ok())["ociVersionMax"]
    assert made["ociVersion"].split("-")[0] == newest.split("-")[0]
    shutil.rmtree(tmp_path)
