"""Namespaces, host name, sysctl, user mappings, annotations."""
import os
from pathlib import Path

import pytest

KINDS = {"mount": "mnt", "network": "net", "uts": "uts", "pid": "pid", "ipc": "ipc", "cgroup": "cgroup",
         "user": "user", "time": "time"}
MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def own(kind):
    return os.readlink(f"/proc/self/ns/{kind}")


@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "cgroup", "mount"])
def test_new_namespace(box, kind):
    one = box("readlink", f"/proc/self/ns/{KINDS[kind]}").namespace(kind)
    assert one.run().ok().strip() != own(KINDS[kind])


@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "cgroup"])
def test_absent_namespace_is_the_callers(box, kind):
    one = box("readlink", f"/proc/self/ns/{KINDS[kind]}").without_namespace(kind)
    one.config["mounts"] = [m for m in one.config["mounts"] if m["type"] not in ("sysfs", "mqueue")]
    if kind == "uts":
        del one.config["hostname"]
    assert one.run().ok().strip() == own(KINDS[kind])


@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "cgroup", "pid", "time"])
def test_joined_namespace(box, kind):
    holder = box("sleep", "1000")
    if kind in ("cgroup", "time"):
        holder.namespace(kind)
    path = f"/proc/{holder.detached().pid()}/ns/{KINDS[kind]}"
    one = box("readlink", f"/proc/self/ns/{KINDS[kind]}").namespace(kind, path)
    if kind == "uts":
        del one.config["hostname"]
    assert one.run().ok().strip() == os.readlink(path)


def test_joined_mount_namespace(box):
    holder = box("sleep", "1000").detached()
    one = box("sh", "-c", "readlink /proc/self/ns/mnt").namespace("mount", f"/proc/{holder.pid()}/ns/mnt")
    done = one.run()
    assert done.status != 0 or done.out.strip() == os.readlink(f"/proc/{holder.pid()}/ns/mnt"), done
    assert holder.status() == "running"


def test_namespace_path_of_another_kind(box):
    holder = box("sleep", "1000").detached()
    box("true").namespace("network", f"/proc/{holder.pid()}/ns/uts").run().failed("network", "/ns/uts")


def test_namespace_path_that_is_absent(box):
    box("true").namespace("network", "/no/such/ns").run().failed("/no/such/ns")


def test_namespace_path_that_is_a_file(box):
    one = box("true")
    one.namespace("network", one.root / "etc/passwd").run().failed("etc/passwd")


def test_unknown_namespace(box):
    box("true").namespace("nope").run().failed("nope")


def test_namespace_twice(box):
    one = box("true")
    one.linux["namespaces"].append({"type": "pid"})
    one.run().failed("pid")


@pytest.mark.parametrize("userns", [False, True])
def test_loopback_is_up(box, userns):
    one = box("ifconfig", "lo")
    assert "127.0.0.1" in (mapped(one) if userns else one).run().ok()


# --- host name ---

def test_hostname_and_domainname(box):
    one = box("sh", "-c", "hostname; cat /proc/sys/kernel/domainname")
    one.config["hostname"], one.config["domainname"] = "guest", "example.org"
    assert one.run().ok().split() == ["guest", "example.org"]
    assert os.uname().nodename != "guest"


def test_hostname_without_uts_namespace(box):
    before = os.uname().nodename
    one = box("true").without_namespace("uts")
    one.run().failed("hostname", "uts")
    assert os.uname().nodename == before


def test_long_hostname(box):
    one = box("true")
    one.config["hostname"] = "x" * 65
    one.run().failed("hostname")


# --- sysctl ---

@pytest.mark.parametrize("name, value", [("net.ipv4.ip_forward", "1"), ("kernel.msgmax", "7777"),
                                         ("fs.mqueue.msg_max", "12"), ("net/ipv4/ip_unprivileged_port_start", "80"),
                                         ("kernel.shm_rmid_forced", "1")])
def test_sysctl(box, name, value):
    path = "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))
    one = box("cat", path)
    one.linux["sysctl"] = {name: value}
    before = Path(path).read_text()
    assert one.run().ok().strip() == value
    assert Path(path).read_text() == before


@pytest.mark.parametrize("name", ["kernel.printk", "vm.swappiness", "fs.file-max", "kernel.core_pattern",
                                  "net/../kernel/core_pattern", "net....kernel.core_pattern", "", "kernel"])
def test_refused_sysctl(box, name):
    before = Path("/proc/sys/kernel/core_pattern").read_text(), Path("/proc/sys/vm/swappiness").read_text()
    one = box("true")
    one.linux["sysctl"] = {name: "1"}
    one.run().failed("sysctl")
    assert (Path("/proc/sys/kernel/core_pattern").read_text(), Path("/proc/sys/vm/swappiness").read_text()) == before


@pytest.mark.parametrize("kind, name", [("network", "net.ipv4.ip_forward"), ("ipc", "kernel.msgmax")])
def test_sysctl_needs_its_namespace(box, kind, name):
    path = Path("/proc/sys") / name.replace(".", "/")
    before = path.read_text()
    one = box("true").without_namespace(kind)
    one.config["mounts"] = [m for m in one.config["mounts"] if m["type"] not in ("sysfs", "mqueue")]
    one.linux["sysctl"] = {name: "1" if kind == "network" else "7777"}
    one.run().failed(name)
    assert path.read_text() == before


def test_unknown_sysctl(box):
    one = box("true")
    one.linux["sysctl"] = {"net.ipv4.nope": "1"}
    one.run().failed("net.ipv4.nope")


# --- user namespace ---

def mapped(one):
    one.namespace("user")
    one.linux["uidMappings"] = one.linux["gidMappings"] = MAP
    for path in [one.root, *one.root.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    # The way to the bundle must be open to the mapped root.
    one.bundle.chmod(0o755)
    return one


def test_user_namespace(box):
    one = mapped(box("sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /made; echo $HOME"))
    words = one.run().ok().split()
    assert words == ["0", "0", "100000", "65536", "0", "100000", "65536", "/root"]
    made = (one.root / "made").stat()
    assert (made.st_uid, made.st_gid) == (100000, 100000)


def test_user_namespace_devices_and_mounts(box):
    one = mapped(box("sh", "-c", "echo x > /dev/null; head -c2 /dev/zero | wc -c; stat -c %a /dev/null; hostname; "
                                 "ls /sys/class/net"))
    assert one.run().ok().split() == ["2", "666", "box", "lo"]


def test_user_namespace_has_full_capabilities_inside_alone(box):
    one = mapped(box("sh", "-c", "chown 5:5 /etc/group && stat -c %u /etc/group; mount -t tmpfs t /tmp; "
                                 "echo 1 > /proc/sys/kernel/printk"))
    done = one.run()
    assert done.out.split()[0] == "5"
    assert done.err.count("ermission denied") + done.err.count("Read-only") + done.err.count("not permitted") >= 2


def test_create_and_start_in_a_user_namespace(box):
    one = mapped(box("sh", "-c", "id -u > /made; sleep 1000"))
    one.create().ok()
    assert one.status() == "created"
    one.start().ok()
    assert one.wait_file("/made") == "0\n" and (one.root / "made").stat().st_uid == 100000


def test_user_namespace_of_a_user(box):
    one = mapped(box("id", "-u"))
    one.process["user"] = {"uid": 1000, "gid": 1000}
    assert one.run().ok() == "1000\n"


@pytest.mark.parametrize("user, words", [
    ({"uid": 70000, "gid": 0}, ("process.user.uid: 70000", "linux.uidMappings")),
    ({"uid": 0, "gid": 70001}, ("process.user.gid: 70001", "linux.gidMappings")),
    ({"uid": 0, "gid": 0, "additionalGids": [5, 70002]}, ("additionalGids[1]: 70002", "linux.gidMappings"))])
def test_user_outside_the_mapping(box, user, words):
    one = mapped(box("id", "-u"))
    one.process["user"] = user
    one.run().failed("not mapped", *words)
    one.assert_nothing_left()


@pytest.mark.parametrize("user, word", [({"uid": 70000, "gid": 0}, "user.uid: 70000"),
                                        ({"uid": 0, "gid": 70001}, "user.gid: 70001"),
                                        ({"uid": 0, "gid": 0, "additionalGids": [70002]}, "70002")])
def test_user_outside_the_mapping_of_a_joined_namespace(box, user, word):
    holder = mapped(box("sleep", "1000")).detached()
    one = joining(box("id", "-u"), holder)
    one.process["user"] = user
    one.run().failed(word, "not mapped")
    one.assert_nothing_left()


def test_exec_user_outside_the_mapping(box):
    one = mapped(box("sleep", "1000")).detached()
    one.exec("--user", "70000", one.id, "id").failed("70000", "not mapped")


def test_user_namespace_without_its_root(box):
    one = mapped(box("id", "-u"))
    one.linux["uidMappings"] = [{"containerID": 5, "hostID": 100005, "size": 10}]
    one.process["user"] = {"uid": 5, "gid": 0}
    one.run().failed("become user 0", "no mapping")
    one.assert_nothing_left()


def test_exec_in_a_user_namespace(box):
    one = mapped(box("sleep", "1000")).detached()
    assert one.inside("id -u; readlink /proc/self/ns/user").ok().split() == [
        "0", os.readlink(f"/proc/{one.pid()}/ns/user")]


def joining(one, holder, *kinds):
    """Joins the holder's user namespace, and those of other kinds by their paths too."""
    mapped(one)
    for kind in ("user", *kinds):
        one.namespace(kind, f"/proc/{holder.pid()}/ns/{KINDS[kind]}")
    if "uts" in kinds:
        del one.config["hostname"]
    return one


def ns_of(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{KINDS[kind]}")


ALL_BUT_USER = ["mount", "network", "uts", "pid", "ipc", "cgroup"]
SHOW = "for k in user mnt net uts pid ipc cgroup; do readlink /proc/self/ns/$k; done; id -u"


@pytest.mark.parametrize("way", ["run", "create"])
def test_joined_user_namespace(box, way):
    holder = mapped(box("sleep", "1000")).namespace("cgroup").detached()
    one = joining(box("sh", "-c", f"({SHOW}) > /saying; mv /saying /said; sleep 1000"), holder).namespace("cgroup")
    for names in one.process["capabilities"].values():
        names.append("CAP_SYS_ADMIN")  # over namespaces that belong to the joined user namespace
    if way == "run":
        one.detached()
    else:
        one.create().ok()
        one.start().ok()
    said = dict(zip(["user", *ALL_BUT_USER], one.wait_file("/said").split()))
    assert said["user"] == ns_of(holder.pid(), "user")
    for kind in ALL_BUT_USER:
        assert said[kind] not in (ns_of(holder.pid(), kind), own(KINDS[kind])), kind
    assert one.inside("mount -t tmpfs t /tmp && hostname").ok() == "box\n"


@pytest.mark.parametrize("kind", ["network", "uts", "pid", "ipc", "cgroup"])
def test_joined_user_namespace_with_another_of_its_own(box, kind):
    holder = mapped(box("sleep", "1000")).namespace("cgroup").detached()
    one = joining(box("sh", "-c", f"readlink /proc/self/ns/user; readlink /proc/self/ns/{KINDS[kind]}; id -u"),
                  holder, kind)
    assert one.run().ok().split() == [ns_of(holder.pid(), "user"), ns_of(holder.pid(), kind), "0"]


def test_joined_user_namespace_with_all_of_its_own(box):
    holder = mapped(box("sleep", "1000")).detached()
    one = joining(box("sh", "-c", SHOW), holder, "network", "uts", "pid", "ipc")
    found = one.run().ok().split()
    wanted = {kind: ns_of(holder.pid(), kind) for kind in ("user", "network", "uts", "pid", "ipc")}
    assert [found[0], *found[2:6], found[7]] == [*wanted.values(), "0"]


@pytest.mark.parametrize("kind", ["network", "uts", "ipc"])
def test_joined_user_namespace_with_one_of_the_hosts(box, kind):
    holder, other = mapped(box("sleep", "1000")).detached(), box("sleep", "1000").detached()
    one = joining(box("sh", "-c", f"readlink /proc/self/ns/user; readlink /proc/self/ns/{KINDS[kind]}"), holder)
    one.namespace(kind, f"/proc/{other.pid()}/ns/{KINDS[kind]}")
    # Its root may not mount what belongs to a namespace of the host's.
    one.config["mounts"] = [m for m in one.config["mounts"] if m["type"] not in ("sysfs", "mqueue")]
    if kind == "uts":
        del one.config["hostname"]
    assert one.run().ok().split() == [ns_of(holder.pid(), "user"), ns_of(other.pid(), kind)]


def test_joined_user_namespace_is_waited_for_and_removed(box):
    holder = mapped(box("sleep", "1000")).detached()
    one = joining(box("sh", "-c", "exit 7"), holder)
    assert one.run().status == 7
    one.assert_nothing_left()
    one = joining(box("/no/such/program"), holder)
    one.run().failed("/no/such/program")
    one.assert_nothing_left()
    assert holder.status() == "running"


def test_mappings_without_a_user_namespace(box):
    one = box("true")
    one.linux["uidMappings"] = one.linux["gidMappings"] = MAP
    one.run().failed("user")


def test_user_namespace_on_a_terminal(box, console):
    one, sock = mapped(box("sh", "-c", "tty; id -u; sleep 1000")), console()
    one.process["terminal"] = True
    one.detached("--console-socket", sock.path)
    sock.receive()
    sock.read_until("0\r\n")


def test_annotations_do_not_configure(box):
    one = box("sh", "-c", "id -u; ls /")
    one.config["annotations"] = {"run.oci.keep_original_groups": "1", "io.kubernetes.cri-o.userns-mode": "auto",
                                 "org.systemd.property.X": "'y'", "x": "ü\n"}
    assert one.run().ok().startswith("0\n")
