"""Mounts, the root folder, masked and read-only paths, devices."""
import os
import re
import stat
from pathlib import Path

import pytest
from box import DEVICE_RULES, MASKED, MOUNTS, mount, mountinfo, mounted, rule


def mounts_inside(text):
    """Mount point -> (options of the mount, propagation fields, type, source, options of the filesystem)."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        dash = words.index("-")
        found[words[4]] = (set(words[5].split(",")), words[6:dash], words[dash + 1], words[dash + 2],
                           set(words[dash + 3].split(",")))
    return found


def inside(one, script=""):
    """Runs a script, then shows the mounts; returns (what the script said, mounts)."""
    done = one.sh(f"{script}\necho ---; cat /proc/self/mountinfo").run()
    said, _, table = done.ok().partition("---\n")
    return said, mounts_inside(table)


@pytest.fixture
def volume(box):
    """A bundle with a host folder of a file to bind."""
    one = box()
    source = one.bundle / "volume"
    source.mkdir()
    (source / "file").write_text("from the host\n")
    one.volume = source
    return one


# --- the standard mounts ---

def test_docker_mounts(box):
    _, found = inside(box())
    for wanted in MOUNTS:
        assert found[wanted["destination"]][2] == wanted["type"], wanted
    options = found["/proc"][0]
    assert {"nosuid", "noexec", "nodev"} <= options
    assert "ro" in found["/sys"][0]
    assert "size=65536k" in found["/dev/shm"][4]


def test_mounts_are_in_order(box):
    one = box().mount("/data", "tmpfs", "tmpfs").mount("/data/below", "tmpfs", "tmpfs", ["size=4k"])
    _, found = inside(one)
    assert "/data/below" in found and "size=4k" in found["/data/below"][4]


def test_proc_is_of_the_containers_pid_namespace(box):
    assert box("sh", "-c", "ls -d /proc/[0-9]*").run().ok().split()[0] == "/proc/1"


def test_sysfs_is_of_the_containers_network(box):
    assert box("ls", "/sys/class/net").run().ok() == "lo\n"


def test_mqueue(box):
    assert box("sh", "-c", "mkdir -p /x; stat -f -c %T /dev/mqueue; touch /dev/mqueue/q && ls /dev/mqueue").run().ok(
        ).splitlines()[-1] == "q"


def test_devpts_is_new(box):
    assert box("ls", "/dev/pts").run().ok() == "ptmx\n"


def test_shm_mode(box):
    assert box("stat", "-c", "%a", "/dev/shm").run().ok() == "1777\n"


# --- options ---

@pytest.mark.parametrize("option, shown", [
    ("ro", "ro"), ("rw", "rw"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"),
    ("noatime", "noatime"), ("relatime", "relatime"), ("nodiratime", "nodiratime"), ("nosymfollow", "nosymfollow")])
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_option(volume, option, shown, kind):
    if kind == "bind":
        volume.mount("/data", volume.volume, "bind", ["bind", option])
    else:
        volume.mount("/data", "tmpfs", "tmpfs", [option])
    _, found = inside(volume)
    assert shown in found["/data"][0]


@pytest.mark.parametrize("off, on", [("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec")])
def test_later_option_wins(box, off, on):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", [off, on]))
    assert off not in found["/data"][0]


def test_strictatime(box):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", ["strictatime"]))
    assert not {"relatime", "noatime"} & found["/data"][0]


def test_defaults(box):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", ["defaults"]))
    assert "rw" in found["/data"][0]


@pytest.mark.parametrize("option", ["mode=0700", "size=1m", "uid=7", "nr_inodes=10"])
def test_filesystem_options(box, option):
    said, found = inside(box().mount("/data", "tmpfs", "tmpfs", [option]), "stat -c '%a %u' /data")
    if option == "mode=0700":
        assert said == "700 0\n"
    elif option == "uid=7":
        assert said.endswith(" 7\n")
    elif option == "size=1m":
        assert "size=1024k" in found["/data"][4]
    else:
        assert option in found["/data"][4]


def test_sync_and_dirsync(box):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", ["sync", "dirsync"]))
    assert {"sync", "dirsync"} <= found["/data"][4]


def test_unknown_filesystem_option(box):
    box("true").mount("/data", "tmpfs", "tmpfs", ["nonsense=1"]).run().failed("/data", "nonsense")


def test_unknown_filesystem(box):
    box("true").mount("/data", "nosuchfs", "nosuchfs").run().failed("/data", "nosuchfs")


def test_unknown_option_of_a_bind(volume):
    # As runc: a bind has no filesystem of its own to give it to.
    volume.mount("/data", volume.volume, "bind", ["bind", "nonsense"]).sh("true").run().failed("nonsense", "mounts[6]")


# --- binds ---

def test_bind_folder(volume):
    volume.mount("/data", volume.volume, "bind", ["rbind", "rprivate"])
    said, _ = inside(volume, "cat /data/file; echo back > /data/back")
    assert said == "from the host\n"
    assert (volume.volume / "back").read_text() == "back\n"


def test_bind_by_option_alone(volume):
    volume.mount("/data", volume.volume, None, ["rbind"])
    assert inside(volume, "cat /data/file")[0] == "from the host\n"


def test_bind_with_type_none(volume):
    volume.mount("/data", volume.volume, "none", ["bind"])
    assert inside(volume, "cat /data/file")[0] == "from the host\n"


def test_type_bind_without_the_option(volume):
    volume.mount("/data", volume.volume, "bind", ["ro"]).sh("true").run().failed("mounts[6].type", "rbind")


def test_bind_file(volume):
    volume.mount("/etc/injected", volume.volume / "file", "bind", ["bind"])
    assert inside(volume, "cat /etc/injected")[0] == "from the host\n"


def test_bind_over_a_file(volume):
    volume.mount("/etc/passwd", volume.volume / "file", "bind", ["bind", "ro"])
    assert inside(volume, "cat /etc/passwd")[0] == "from the host\n"


def test_bind_read_only(volume):
    volume.mount("/data", volume.volume, "bind", ["bind", "ro"])
    said, _ = inside(volume, "touch /data/x 2>&1; mount -o remount,bind,rw /data 2>&1; touch /data/y 2>&1")
    assert "Read-only file system" in said
    assert sorted(p.name for p in volume.volume.iterdir()) == ["file"]


def test_bind_relative_source(volume):
    volume.mount("/data", "volume", "bind", ["bind"])
    assert inside(volume, "cat /data/file")[0] == "from the host\n"


def test_bind_source_symlink_is_followed(volume):
    (volume.bundle / "link").symlink_to(volume.volume)
    volume.mount("/data", volume.bundle / "link", "bind", ["bind"])
    assert inside(volume, "cat /data/file")[0] == "from the host\n"


def test_bind_missing_source(volume):
    volume.mount("/data", volume.bundle / "none", "bind", ["bind"]).sh("true").run().failed(
        str(volume.bundle / "none"), "no such file")


def test_bind_folder_on_a_file(volume):
    volume.mount("/etc/passwd", volume.volume, "bind", ["bind"]).sh("true").run().failed("/etc/passwd")


def test_bind_and_rbind_of_submounts(volume):
    (volume.volume / "sub").mkdir()
    with mounted("-t", "tmpfs", "tmpfs", volume.volume / "sub"):
        (volume.volume / "sub/deep").write_text("deep\n")
        volume.mount("/flat", volume.volume, "bind", ["bind"]).mount("/deep", volume.volume, "bind", ["rbind"])
        said, found = inside(volume, "ls /flat/sub /deep/sub")
    assert "/deep/sub" in found and "/flat/sub" not in found
    assert said.split() == ["/deep/sub:", "deep", "/flat/sub:"]


def test_rro(volume):
    (volume.volume / "sub").mkdir()
    with mounted("-t", "tmpfs", "tmpfs", volume.volume / "sub"):
        volume.mount("/data", volume.volume, "bind", ["rbind", "rro"])
        _, found = inside(volume)
    assert "ro" in found["/data"][0] and "ro" in found["/data/sub"][0]


def test_ro_is_not_recursive(volume):
    (volume.volume / "sub").mkdir()
    with mounted("-t", "tmpfs", "tmpfs", volume.volume / "sub"):
        volume.mount("/data", volume.volume, "bind", ["rbind", "ro"])
        _, found = inside(volume)
    assert "ro" in found["/data"][0] and "rw" in found["/data/sub"][0]


def test_bind_of_the_same_source_twice(volume):
    volume.mount("/a", volume.volume, "bind", ["bind", "ro"]).mount("/b", volume.volume, "bind", ["bind"])
    _, found = inside(volume)
    assert "ro" in found["/a"][0] and "rw" in found["/b"][0]


def test_host_mount_keeps_its_flags(volume):
    volume.mount("/data", volume.volume, "bind", ["bind", "ro"])
    with mounted("--bind", volume.volume, volume.volume):
        inside(volume)
        line = next(line for line in mountinfo() if line.split()[4] == str(volume.volume))
        assert "rw" in line.split()[5].split(",")


# --- propagation ---

@pytest.mark.parametrize("mode, comes", [("rprivate", False), ("rslave", True), ("rshared", True)])
def test_propagation_into_the_container(volume, mode, comes):
    with mounted("--bind", volume.volume, volume.volume):
        mount("--make-shared", volume.volume)
        (volume.volume / "sub").mkdir()
        if mode == "rshared":
            volume.linux["rootfsPropagation"] = "rshared"
        volume.mount("/data", volume.volume, "bind", ["rbind", mode])
        volume.sh("sleep 1000").detached()
        with mounted("-t", "tmpfs", "tmpfs", volume.volume / "sub"):
            there = " /data/sub " in volume.inside("cat /proc/self/mountinfo").ok()
        volume.delete("--force").ok()
    assert there == comes


def test_nothing_propagates_to_the_host(volume):
    with mounted("--bind", volume.volume, volume.volume):
        mount("--make-shared", volume.volume)
        before = len(mountinfo())
        volume.mount("/data", volume.volume, "bind", ["rbind"]).mount("/data/sub", "tmpfs", "tmpfs")
        volume.sh("sleep 1000").detached()
        assert len(mountinfo()) == before
        volume.delete("--force").ok()


@pytest.mark.parametrize("mode", ["private", "slave", "shared", "unbindable"])
def test_rootfs_propagation(box, mode):
    one = box()
    one.linux["rootfsPropagation"] = mode
    _, found = inside(one)
    fields = " ".join(found["/"][1])
    assert {"private": "", "slave": fields, "shared": "shared:", "unbindable": "unbindable"}[mode] in fields
    if mode == "private":
        assert fields == ""


@pytest.mark.parametrize("mode, field", [("private", None), ("shared", "shared:"), ("unbindable", "unbindable")])
def test_mount_propagation_option(box, mode, field):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", [mode]))
    assert found["/data"][1] == [] if field is None else found["/data"][1][0].startswith(field)


# --- targets ---

def test_missing_targets_are_made(volume):
    volume.mount("/a/b/c", "tmpfs", "tmpfs").mount("/x/y/file", volume.volume / "file", "bind", ["bind"])
    inside(volume)
    assert (volume.root / "a/b/c").is_dir()
    assert (volume.root / "x/y/file").is_file() and (volume.root / "x/y/file").stat().st_size == 0


@pytest.mark.parametrize("link", ["/outside", "../../../../outside", "/../../outside"])
def test_targets_are_made_inside_the_root_alone(box, link):
    one = box()
    (one.root / "link").symlink_to(link)
    one.mount("/link/data", "tmpfs", "tmpfs")
    _, found = inside(one)
    assert "/outside/data" in found
    assert (one.root / "outside/data").is_dir()
    assert not Path("/outside").exists() and not (one.bundle / "outside").exists()


def test_dots_in_a_destination(box):
    _, found = inside(box().mount("/a/../../../b", "tmpfs", "tmpfs"))
    assert "/b" in found


def test_relative_destination(box):
    _, found = inside(box().mount("data", "tmpfs", "tmpfs"))
    assert "/data" in found


@pytest.mark.parametrize("root", ["/", "/a/..", "."])
def test_destination_is_the_root(volume, root):
    volume.mount(root, volume.volume, "bind", ["bind"]).sh("true").run().failed(f"on '{root}'", "root.path")


def test_escaped_names(volume):
    odd = volume.bundle / "vol ume\n\\"
    odd.mkdir()
    (odd / "f").write_text("odd\n")
    volume.mount("/da ta\t", odd, "bind", ["bind"])
    assert inside(volume, "cat '/da ta\t/f'")[0] == "odd\n"


# --- tmpfs ---

def test_tmpfs_copies_up(box):
    one = box()
    (one.root / "var/file").write_text("kept\n")
    (one.root / "var/file").chmod(0o640)
    os.chown(one.root / "var/file", 7, 8)
    (one.root / "var/link").symlink_to("file")
    (one.root / "var/d").mkdir(mode=0o711)
    (one.root / "var").chmod(0o751)
    one.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup"])
    said, found = inside(one, "cat /var/link; stat -c '%a %u %g' /var/file; stat -c %a /var/d /var; touch /var/new")
    assert said.splitlines() == ["kept", "640 7 8", "711", "751"]
    assert found["/var"][2] == "tmpfs" and not any("tmpcopyup" in option for option in found["/var"][4])
    assert not (one.root / "var/new").exists()


def test_tmpfs_without_copy_hides(box):
    one = box()
    (one.root / "var/file").write_text("hidden\n")
    assert inside(one.mount("/var", "tmpfs", "tmpfs"), "ls /var")[0] == ""


def test_tmpfs_takes_the_targets_mode(box):
    one = box()
    (one.root / "var").chmod(0o1777)
    assert inside(one.mount("/var", "tmpfs", "tmpfs"), "stat -c %a /var")[0] == "1777\n"


# --- cgroup mount ---

def test_cgroup_mount_shows_the_own_group_read_only(box):
    one = box().mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    said, found = inside(one, "ls /sys/fs/cgroup; find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs | wc -l; "
                              "mkdir /sys/fs/cgroup/x 2>&1; mkdir /sys/fs/cgroup/*/x 2>&1")
    assert "/sys/fs/cgroup" in found
    assert int(re.search(r"^\d+$", said, re.M).group()) >= 1
    assert "Read-only file system" in said


# --- root ---

def test_read_only_root(box):
    one = box()
    one.config["root"]["readonly"] = True
    said, found = inside(one, "touch /x 2>&1; touch /dev/shm/ok && echo writable")
    assert "Read-only file system" in said and "writable" in said
    assert "ro" in found["/"][0]
    assert not (one.root / "x").exists()


def test_read_only_root_with_missing_targets(box):
    one = box().mount("/made/below", "tmpfs", "tmpfs")
    one.config["root"]["readonly"] = True
    _, found = inside(one)
    assert "/made/below" in found


def test_the_hosts_root_is_gone(box):
    _, found = inside(box())
    assert not any("/oldroot" in path or "put_old" in path for path in found)
    assert len([path for path in found if path == "/"]) == 1
    assert set(found) >= {"/", "/proc"}
    known = {m["destination"] for m in MOUNTS} | {"/", "/dev/console"}
    assert [p for p in found if p not in known and not p.startswith(("/proc/", "/sys/"))] == []


def test_no_pivot(box):
    assert box("ls", "/").run("--no-pivot").ok().split()[0] == "bin"


def test_root_that_is_a_symlink(box):
    one = box("echo", "hello")
    (one.bundle / "link").symlink_to(one.root)
    one.config["root"]["path"] = "link"
    assert one.run().ok() == "hello\n"


# --- masked and read-only paths ---

def test_masked_paths(box):
    one = box()
    (one.root / "secret").write_text("hidden")
    (one.root / "folder").mkdir()
    (one.root / "folder/file").write_text("hidden")
    one.linux["maskedPaths"] = [*MASKED, "/secret", "/folder", "/not/there"]
    said, _ = inside(one, "cat /secret /proc/keys; ls -A /folder /sys/firmware; touch /folder/x 2>&1; "
                          "stat -c %t:%T /proc/keys")
    assert "hidden" not in said and "file" not in said.replace("Read-only file system", "")
    assert "Read-only" in said
    assert said.endswith("1:3\n")
    assert not (one.root / "not").exists()


def test_masked_file_cannot_be_unmounted(box):
    assert "not permitted" in box("sh", "-c", "umount /proc/keys 2>&1").run().out


def test_read_only_paths(box):
    one = box()
    (one.root / "folder").mkdir()
    one.linux["readonlyPaths"].append("/folder")
    one.linux["readonlyPaths"].append("/not/there")
    said, _ = inside(one, "touch /folder/x 2>&1; echo 1 > /proc/sys/kernel/printk 2>&1; "
                          "echo h 2>&1 > /proc/sysrq-trigger; cat /proc/sys/kernel/ostype")
    assert "Read-only file system" in said and said.endswith("Linux\n")
    assert not (one.root / "folder/x").exists()


def test_read_only_paths_keep_their_other_flags(box):
    _, found = inside(box())
    assert {"ro", "nosuid", "nodev", "noexec"} <= found["/proc/sys"][0]


def test_read_only_path_with_submounts_stays_writable_below_or_not_at_all(volume):
    volume.mount("/folder", volume.volume, "bind", ["bind"])
    volume.linux["readonlyPaths"] = ["/folder"]
    said, _ = inside(volume, "touch /folder/x 2>&1")
    assert "Read-only" in said


# --- devices ---

DEFAULT_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def test_default_devices(box):
    said = box("sh", "-c", "cd /dev; stat -c '%n %F %t:%T %a %u:%g' *").run().ok()
    nodes = {line.split()[0]: line for line in said.splitlines() if "character special" in line}
    assert set(nodes) == set(DEFAULT_DEVICES)
    for name, (major, minor) in DEFAULT_DEVICES.items():
        assert nodes[name].endswith(f"{major:x}:{minor:x} 666 0:0"), nodes[name]


def test_default_links(box):
    said = box("sh", "-c", "cd /dev; for l in *; do [ -L $l ] && echo $l $(readlink $l); done; true").run().ok()
    links = dict(line.split() for line in said.splitlines())
    assert links["fd"] == "/proc/self/fd" and links["stdin"] == "/proc/self/fd/0"
    assert links["stdout"] == "/proc/self/fd/1" and links["stderr"] == "/proc/self/fd/2"
    assert links["ptmx"] in ("pts/ptmx", "/dev/pts/ptmx")


def test_default_devices_work(box):
    said = box("sh", "-c", "head -c 4 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo x > /dev/null; "
                           "echo x > /dev/full || echo full").run()
    assert said.out.split() == ["00", "00", "00", "00", "8", "full"]


def test_additional_device(box):
    one = box("sh", "-c", "stat -c '%F %t:%T %a %u:%g' /dev/own /dev/deep/block /dev/fifo")
    one.linux["devices"] = [
        {"path": "/dev/own", "type": "c", "major": 1, "minor": 7, "fileMode": 0o640, "uid": 3, "gid": 4},
        {"path": "/dev/deep/block", "type": "b", "major": 7, "minor": 99, "fileMode": 0o660},
        {"path": "/dev/fifo", "type": "p", "fileMode": 0o600}]
    assert one.run().ok().splitlines() == ["character special file 1:7 640 3:4", "block special file 7:63 660 0:0",
                                           "fifo 0:0 600 0:0"]


def test_device_path_is_cleaned(box):
    one = box("test", "-c", "/dev/sub/full2")
    one.linux["devices"] = [{"path": "//dev/./sub/full2/", "type": "c", "major": 1, "minor": 7}]
    one.run().ok()


def test_unbuffered_character_device(box):
    one = box("stat", "-c", "%F %t:%T", "/dev/u")
    one.linux["devices"] = [{"path": "/dev/u", "type": "u", "major": 1, "minor": 3}]
    assert one.run().ok() == "character special file 1:3\n"


@pytest.mark.parametrize("device", [
    {"path": "/dev/x", "type": "z", "major": 1, "minor": 3}, {"path": "dev/x", "type": "c", "major": 1, "minor": 3},
    {"path": "/dev/x", "type": "c"}, {"path": "/dev/x", "type": "b", "major": 7},
    {"path": "/dev/x", "type": "u", "minor": 7}, {"type": "c", "major": 1, "minor": 3},
    {"path": "/dev/x", "major": 1, "minor": 3}])
def test_wrong_devices(box, device):
    one = box("true")
    one.linux["devices"] = [device]
    one.run().failed("devices")


def test_device_rules_deny_others(box):
    one = box("sh", "-c", "cat /dev/mem-like > /dev/null; cat /dev/fuse-like > /dev/null; head -c1 /dev/zero | wc -c; "
                          "mknod /tmp/z c 1 5 && echo made")
    one.linux["devices"] = [{"path": "/dev/mem-like", "type": "c", "major": 1, "minor": 1, "fileMode": 0o666},
                            {"path": "/dev/fuse-like", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    done = one.run()
    assert done.err.count("peration not permitted") == 2, done
    assert done.out.split() == ["1", "made"]


def test_device_rule_allows_reading_alone(box):
    one = box("sh", "-c", "head -c1 /dev/own | wc -c; echo x > /dev/own && echo wrote")
    one.linux["devices"] = [{"path": "/dev/own", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
    one.linux["resources"]["devices"] = [*DEVICE_RULES, rule(True, "c", 1, 11, "w")]
    done = one.run()
    assert "not permitted" in done.err and done.out.split()[0] == "0", done


def test_later_device_rule_wins(box):
    # Not one of the default devices: runc allows those whatever the rules say.
    one = box("sh", "-c", "head -c1 /dev/other | wc -c; head -c1 /dev/own")
    one.linux["devices"] = [{"path": "/dev/own", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666},
                            {"path": "/dev/other", "type": "c", "major": 10, "minor": 183, "fileMode": 0o666}]
    one.linux["resources"]["devices"] = [rule(True, None), rule(False, "c", 1, 11)]
    done = one.run()
    assert done.status == 1 and "head: /dev/own: Operation not permitted" in done.err, done
    assert "/dev/other: Operation" not in done.err, done


def test_all_devices_allowed(box):
    one = box("sh", "-c", "head -c1 /dev/own | wc -c")
    one.linux["devices"] = [{"path": "/dev/own", "type": "c", "major": 1, "minor": 5}]
    one.linux["resources"]["devices"] = [rule(True, None)]
    assert one.run().ok() == "1\n"


def test_dev_from_the_host(box):
    one = box("sh", "-c", "echo x > /dev/null && echo ok")
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    one.mount("/dev", "/dev", "bind", ["rbind", "rslave"])
    before = os.stat("/dev/null").st_ino, sorted(os.listdir("/dev"))
    assert one.run().ok() == "ok\n"
    assert (os.stat("/dev/null").st_ino, sorted(os.listdir("/dev"))) == before
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
