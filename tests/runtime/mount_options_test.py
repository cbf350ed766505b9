"""Each option of the specification's table of Linux mount options, as the container sees it."""
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from box import RUNTIME, call, mount, mountinfo, mounted
from mounts_test import inside, volume  # noqa: F401
from namespaces_test import mapped

# The table of the runtime specification 1.3.
TABLE = """async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime
remount rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw
rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
tmpcopyup unbindable idmap ridmap""".split()
# What crun has beside it, and rnodev, which the table forgot.
CRUNS = "copy-symlink dest-nofollow rasync rdirsync rmand rnodev rnomand rsync src-nofollow".split()


def atime(options):
    return next((word for word in ("noatime", "relatime") if word in options), "strictatime")


@pytest.fixture
def tree(volume):  # noqa: F811
    """A volume on a mount of its own, with another one below it; gives a function to make both with options."""
    made = []

    def make(options="rw", below="rw"):
        for path, words in ((volume.volume, options), (volume.volume / "sub", below)):
            mount("-t", "tmpfs", "tmpfs", path)
            made.append(path)
            if path == volume.volume:
                (path / "sub").mkdir()
        for path, words in zip(made, (options, below)):
            mount("-o", f"remount,bind,{words}", path)
        return volume

    yield make
    for path in reversed(made):
        subprocess.run(["umount", "-l", str(path)], check=True)


# --- flags of a mount ---

# Options of the mount itself: (named first, then option, shown, not shown).
FLAGS = [
    ("ro", "ro", "rw"), ("nosuid", "nosuid", None), ("nodev", "nodev", None), ("noexec", "noexec", None),
    ("nosymfollow", "nosymfollow", None), ("nodiratime", "nodiratime", None), ("noatime", "noatime", "relatime"),
    ("relatime", "relatime", "noatime"),
]
OPPOSITE = {"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec", "nosymfollow": "symfollow",
            "nodiratime": "diratime", "noatime": "atime", "strictatime": "nostrictatime"}


@pytest.mark.parametrize("option, shown, hidden", FLAGS)
def test_flag_of_a_filesystem(box, option, shown, hidden):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", [option]))
    assert shown in found["/data"][0] and hidden not in found["/data"][0]


@pytest.mark.parametrize("option, shown, hidden", FLAGS)
def test_flag_of_a_bind_is_not_of_what_lies_below(tree, option, shown, hidden):
    before = "strictatime" if "atime" in option else "relatime"
    _, found = inside(bind(tree(before, before), ["rbind", option]))
    assert shown in found["/data"][0] and hidden not in found["/data"][0]
    assert shown not in found["/data/sub"][0]


def bind(one, options, destination="/data"):
    return one.mount(destination, one.volume, "bind", options)


@pytest.mark.parametrize("off, on", OPPOSITE.items())
def test_opposite_of_a_flag_on_a_bind(tree, off, on):
    if off == "strictatime":
        _, found = inside(bind(tree("strictatime", "strictatime"), ["rbind", on]))
        assert atime(found["/data"][0]) == "relatime" and atime(found["/data/sub"][0]) == "strictatime"
        return
    _, found = inside(bind(tree(off, off), ["rbind", on]))
    assert off not in found["/data"][0] and off in found["/data/sub"][0]


@pytest.mark.parametrize("off, on", OPPOSITE.items())
def test_later_of_two_opposites_wins(box, off, on):
    _, found = inside(box().mount("/a", "tmpfs", "tmpfs", [off, on]).mount("/b", "tmpfs", "tmpfs", [on, off]))
    if off == "strictatime":
        assert atime(found["/a"][0]) == "relatime" and atime(found["/b"][0]) == "strictatime"
    else:
        assert off not in found["/a"][0] and off in found["/b"][0]


def test_norelatime_and_defaults_change_nothing(tree):
    one = bind(tree("noatime,nosuid", "rw"), ["rbind", "norelatime", "rnorelatime", "defaults"])
    _, found = inside(one.mount("/own", "tmpfs", "tmpfs", ["norelatime", "defaults"]))
    assert {"noatime", "nosuid"} <= found["/data"][0]
    assert atime(found["/own"][0]) == "relatime"


@pytest.mark.parametrize("option", ["ro", "noatime", "nodiratime"])
def test_unnamed_flags_of_the_source_stay(tree, option):
    _, found = inside(bind(tree("nosuid,nodev,noexec"), ["bind", option]))
    assert {"nosuid", "nodev", "noexec", option} <= found["/data"][0]


def test_flags_by_behaviour(box):
    one = box()
    source = one.bundle / "volume"
    source.mkdir()
    (source / "script").write_text("#!/bin/sh\necho ran\n")
    (source / "script").chmod(0o755)
    (source / "link").symlink_to("script")
    os.mknod(source / "null", 0o20666, os.makedev(1, 3))
    one.volume = source
    bind(one, ["bind", "noexec", "nodev", "nosymfollow", "ro"])
    bind(one, ["bind"], "/plain")
    done = one.sh("for at in /data /plain; do $at/script; cat $at/link >/dev/null; echo >$at/null; echo >$at/new; "
                  "done").run()
    assert done.out == "ran\n"
    for words in ("/data/script: Permission denied", "'/data/link': Too many", "/data/null: Permission denied",
                  "/data/new: Read-only file system"):
        assert words in done.err, done
    assert "/plain" not in done.err
    (source / "new").unlink()


# --- flags of a whole tree ---

RECURSIVE = [("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"), ("rnosymfollow", "nosymfollow"),
             ("rnodiratime", "nodiratime"), ("rnoatime", "noatime")]
RECURSIVE_OFF = [("rrw", "ro"), ("rsuid", "nosuid"), ("rdev", "nodev"), ("rexec", "noexec"), ("rsymfollow", "nosymfollow"),
                 ("rdiratime", "nodiratime"), ("ratime", "noatime")]


@pytest.mark.parametrize("option, shown", RECURSIVE)
def test_recursive_flag(tree, option, shown):
    _, found = inside(bind(tree(), ["rbind", option]))
    assert shown in found["/data"][0] and shown in found["/data/sub"][0]
    assert all(shown not in line.split()[5].split(",") for line in mountinfo() if "/volume" in line.split()[4])


@pytest.mark.parametrize("option, hidden", RECURSIVE_OFF)
def test_recursive_opposite(tree, option, hidden):
    _, found = inside(bind(tree(hidden, hidden), ["rbind", option]))
    assert hidden not in found["/data"][0] and hidden not in found["/data/sub"][0]


@pytest.mark.parametrize("option, before, after", [
    ("rrelatime", "noatime", "relatime"), ("rstrictatime", "noatime", "strictatime"),
    ("rnostrictatime", "strictatime", "relatime")])
def test_recursive_access_time_mode(tree, option, before, after):
    _, found = inside(bind(tree(before, before), ["rbind", option]))
    assert atime(found["/data"][0]) == atime(found["/data/sub"][0]) == after


def test_recursive_and_single_flags_together(tree):
    _, found = inside(bind(tree("nodev", "rw"), ["rbind", "ro", "rnosuid", "dev"]))
    assert {"ro", "nosuid"} <= found["/data"][0] and "nodev" not in found["/data"][0]
    assert {"rw", "nosuid"} <= found["/data/sub"][0]


def test_recursive_flag_of_a_filesystem(box):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", ["rnosuid"]))
    assert "nosuid" in found["/data"][0]


# --- flags of a filesystem ---

@pytest.mark.parametrize("option, shown", [("sync", "sync"), ("dirsync", "dirsync"), ("lazytime", "lazytime"),
                                           ("mand", "mand")])
def test_superblock_flag(box, option, shown):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", [option]))
    assert shown in found["/data"][4]


@pytest.mark.parametrize("off, on", [("sync", "async"), ("lazytime", "nolazytime"), ("mand", "nomand")])
def test_superblock_flag_and_its_opposite(box, off, on):
    _, found = inside(box().mount("/a", "tmpfs", "tmpfs", [off, on]).mount("/b", "tmpfs", "tmpfs", [on, off]))
    assert off not in found["/a"][4] and off in found["/b"][4]


@pytest.mark.parametrize("options", [["iversion"], ["noiversion"], ["silent"], ["loud"], ["silent", "loud"]])
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_options_without_a_trace(volume, options, kind):  # noqa: F811
    # Nothing shows them: they must be taken as options, not given to the filesystem as data.
    if kind == "bind":
        bind(volume, ["bind", *options])
    else:
        volume.mount("/data", "tmpfs", "tmpfs", options)
    _, found = inside(volume)
    assert not set(options) & (found["/data"][0] | found["/data"][4])


@pytest.mark.parametrize("option", ["sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"])
def test_superblock_flags_mean_nothing_to_a_bind(volume, option):  # noqa: F811
    before = set(Path("/proc/self/mountinfo").read_text().splitlines())
    _, found = inside(bind(volume, ["bind", option]))
    assert option not in found["/data"][4]
    assert set(Path("/proc/self/mountinfo").read_text().splitlines()) == before


# --- remount ---

def test_remount_changes_what_it_names(tree):
    one = bind(tree("nosuid"), ["rbind"])
    one.mount("/data", None, None, ["remount", "bind", "ro", "noexec"])
    _, found = inside(one)
    assert {"ro", "noexec", "nosuid"} <= found["/data"][0] and "rw" in found["/data/sub"][0]
    assert "rw" in next(line for line in mountinfo() if line.split()[4].endswith("/volume")).split()[5].split(",")


def test_remount_of_a_filesystem(box):
    one = box().mount("/data", "tmpfs", "tmpfs", ["size=64k", "sync", "nosuid"])
    one.mount("/data", "tmpfs", "tmpfs", ["remount", "size=128k", "async", "lazytime", "ro"])
    _, found = inside(one)
    assert {"size=128k", "lazytime"} <= found["/data"][4] and "sync" not in found["/data"][4]
    assert {"ro", "nosuid"} <= found["/data"][0]


def test_remount_writable(box):
    one = box().mount("/data", "sysfs", "sysfs", ["ro"]).mount("/data", None, None, ["remount", "rw"])
    _, found = inside(one)
    assert "rw" in found["/data"][0]


def test_remount_of_a_filesystem_made_read_only(box):
    # proc's superblock is the mount's own, and is read-only with it.
    one = box().mount("/data", "proc", "proc", ["ro"]).mount("/data", None, None, ["remount", "rw"])
    _, found = inside(one)
    assert "rw" in found["/data"][0] and "rw" in found["/data"][4]


def test_remount_where_no_mount_is(box):
    one = box("true").mount("/var", None, None, ["remount", "ro"])
    one.run().failed("/var", "remount")


# --- what is not known ---

def test_unknown_option_goes_to_the_filesystem(box):
    _, found = inside(box().mount("/data", "tmpfs", "tmpfs", ["nr_inodes=7", "size=8k"]))
    assert {"nr_inodes=7", "size=8k"} <= found["/data"][4]


def test_features_names_what_is_parsed():
    names = json.loads(call([RUNTIME, "features"]).ok())["mountOptions"]
    assert names == sorted(TABLE + CRUNS)


@pytest.mark.parametrize("option", TABLE + CRUNS)
def test_option_is_no_data(volume, option):  # noqa: F811
    """An option that is not parsed is data, which a bind refuses by name."""
    bind(volume, ["bind", option])
    done = volume.sh("true").run()
    if option in ("idmap", "ridmap", "remount", "tmpcopyup"):
        done.failed("mounts[6]" if option == "tmpcopyup" else "/data")
        assert "not known" not in done.err
    else:
        done.ok()


# --- propagation of a mount ---

@pytest.mark.parametrize("option, top, below", [
    ("private", None, "shared"), ("rprivate", None, None), ("shared", "shared", "shared"), ("rshared", "shared", "shared"),
    ("slave", "master", "shared"), ("rslave", "master", "master"), ("unbindable", "unbindable", "shared"),
    ("runbindable", "unbindable", "unbindable")])
def test_propagation_option(tree, option, top, below):
    one = tree()
    mount("--make-rshared", one.volume)
    one.linux["rootfsPropagation"] = "shared"
    _, found = inside(bind(one, ["rbind", option]))
    for path, wanted in (("/data", top), ("/data/sub", below)):
        assert [word.split(":")[0] for word in found[path][1]] == ([wanted] if wanted else []), found[path]


@pytest.mark.parametrize("options, wanted", [
    (["rslave", "shared"], ["shared", "master"]), (["shared", "private"], []), (["unbindable", "shared"], ["shared"])])
def test_propagation_in_the_order_given(tree, options, wanted):
    one = tree()
    mount("--make-rshared", one.volume)
    _, found = inside(bind(one, ["rbind", *options]))
    assert [word.split(":")[0] for word in found["/data"][1]] == wanted


def peer_of(path):
    line = next(line for line in mountinfo() if line.split()[4] == str(path))
    return next((word for word in line.split() if word.startswith("shared:")), None)


def test_shared_volume_reaches_the_host(volume):  # noqa: F811
    with mounted("--bind", volume.volume, volume.volume):
        mount("--make-shared", volume.volume)
        (volume.volume / "sub").mkdir()
        volume.linux["rootfsPropagation"] = "rshared"
        volume.process["capabilities"] = {kind: ["CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}
        said, found = inside(bind(volume, ["rbind", "rshared"]), "mount -t tmpfs inner /data/sub")
        assert found["/data"][1] == [peer_of(volume.volume)]
        reached = [line for line in mountinfo() if " - tmpfs inner" in line]
        for line in reached:
            subprocess.run(["umount", line.split()[4]], check=True)
    assert len(reached) == 1


# --- propagation of the root ---

@pytest.mark.parametrize("mode", ["", "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable",
                                  "runbindable"])
@pytest.mark.parametrize("userns", [False, True])
def test_root_of_a_shared_mount(box, mode, userns):
    """The bundle lies on a mount that is shared, as on most hosts."""
    one = box()
    source = one.bundle / "volume"
    source.mkdir()
    if userns:
        mapped(one)
    if mode:
        one.linux["rootfsPropagation"] = mode
    with mounted("--bind", one.bundle, one.bundle), mounted("--bind", source, source):
        mount("--make-shared", one.bundle)
        mount("--make-shared", source)
        before = len(mountinfo())
        one.mount("/data", source, "bind", ["rbind"])
        one.sh("sleep 1000").detached()
        table = one.inside("cat /proc/self/mountinfo").ok()
        assert len(mountinfo()) == before, "a mount of the container's is on the host"
        fields = {line.split()[4]: [word.split(":")[0] for word in line.split()[6:line.split().index("-")]]
                  for line in table.splitlines()}
        numbers = {word for line in table.splitlines() for word in line.split() if word.startswith("shared:")}
        kind = mode.lstrip("r")
        assert fields["/"] == {"": ["master"], "slave": ["master"], "private": [], "shared": ["shared"],
                               "unbindable": ["unbindable"]}[kind]
        assert peer_of(one.bundle) not in numbers, "the container's root is a peer of the host's mount"
        data = fields["/data"]
        if mode in ("rprivate",):
            assert data == []
        elif mode == "runbindable":
            assert data == ["unbindable"]
        elif "shared" in mode and not userns:
            assert data == ["shared"]
        elif mode == "rshared":
            assert data == ["shared", "master"]
        else:
            assert data == ["master"]
        one.delete("--force").ok()


def test_single_mount_keeps_its_own_propagation(tree):
    one = tree()
    one.linux["rootfsPropagation"] = "rprivate"
    _, found = inside(bind(one, ["rbind", "shared"]))
    assert found["/data"][1][0].startswith("shared:") and found["/data/sub"][1] == []


def test_mounts_of_the_host_come_into_the_root(box):
    one = box()
    (one.root / "late").mkdir()
    one.linux["rootfsPropagation"] = "rslave"
    with mounted("--bind", one.bundle, one.bundle):
        mount("--make-shared", one.bundle)
        one.sh("sleep 1000").detached()
        with mounted("-t", "tmpfs", "late", one.root / "late"):
            assert " /late " in one.inside("cat /proc/self/mountinfo").ok()
        one.delete("--force").ok()


# --- sources ---

def test_bind_of_a_socket(volume):  # noqa: F811
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(volume.volume / "s"))
        volume.mount("/run/deep/socket", volume.volume / "s", "bind", ["bind"])
        assert inside(volume, "stat -c %F /run/deep/socket")[0] == "socket\n"


def test_bind_of_a_device(volume):  # noqa: F811
    volume.mount("/dev/other", "/dev/zero", "bind", ["bind"])
    assert inside(volume, "head -c3 /dev/other | wc -c; stat -c %t:%T /dev/other")[0] == "3\n1:5\n"


def test_bind_of_a_fifo(volume):  # noqa: F811
    os.mkfifo(volume.volume / "fifo")
    volume.mount("/fifo", volume.volume / "fifo", "bind", ["bind"])
    assert inside(volume, "stat -c %F /fifo")[0] == "fifo\n"


def test_bind_file_onto_a_symlink_of_the_image(volume):  # noqa: F811
    (volume.root / "etc/link").symlink_to("/etc/group")
    volume.mount("/etc/link", volume.volume / "file", "bind", ["bind"])
    said, found = inside(volume, "cat /etc/group; readlink /etc/link")
    assert said == "from the host\n/etc/group\n" and "/etc/group" in found


def test_relative_source_in_a_user_namespace(volume):  # noqa: F811
    mapped(volume).mount("/data", "volume", "bind", ["bind"])
    assert inside(volume, "cat /data/file")[0] == "from the host\n"


def test_source_behind_a_folder_closed_to_the_user_namespace(volume):  # noqa: F811
    closed = volume.bundle / "closed"
    (closed / "open").mkdir(parents=True)
    (closed / "open/file").write_text("within\n")
    closed.chmod(0o700)
    mapped(volume).mount("/data", closed / "open", "bind", ["bind"])
    assert inside(volume, "cat /data/file")[0] == "within\n"


@pytest.mark.parametrize("option", [["ro"], ["ro", "noatime"], ["rro"]])
def test_locked_flags_stay_in_a_user_namespace(tree, option):
    one = mapped(tree("nosuid,nodev,noexec,noatime" if "noatime" in option else "nosuid,nodev,noexec"))
    _, found = inside(bind(one, ["rbind", *option]))
    assert {"ro", "nosuid", "nodev", "noexec"} <= found["/data"][0]


# --- crun's options for links ---

def test_source_link_is_followed_or_not(volume):  # noqa: F811
    (volume.volume / "link").symlink_to("file")
    (volume.root / "there").symlink_to("nowhere")
    volume.mount("/followed", volume.volume / "link", "bind", ["bind"])
    volume.mount("/there", volume.volume / "link", "bind", ["bind", "src-nofollow", "dest-nofollow"])
    said, _ = inside(volume, "cat /followed; readlink /there")
    assert said == "from the host\nfile\n"
    assert not (volume.root / "nowhere").exists()


def test_copied_link(volume):  # noqa: F811
    (volume.volume / "link").symlink_to("/etc/passwd")
    volume.mount("/new/link", volume.volume / "link", "bind", ["bind", "copy-symlink"])
    volume.mount("/plain", volume.volume / "file", "bind", ["bind", "copy-symlink"])
    said, found = inside(volume, "readlink /new/link; cat /plain")
    assert said == "/etc/passwd\nfrom the host\n" and "/new/link" not in found and "/plain" in found
    assert os.readlink(volume.root / "new/link") == "/etc/passwd"
    inside(volume)  # the same link may be there
    (volume.root / "new/link").unlink()
    (volume.root / "new/link").write_text("mine")
    volume.sh("true").run().failed("/new/link", "exists")
    assert (volume.root / "new/link").read_text() == "mine"


def test_copied_link_stays_in_the_root(volume):  # noqa: F811
    (volume.volume / "link").symlink_to("x")
    (volume.root / "out").symlink_to("/../../escaped")
    volume.mount("/out/link", volume.volume / "link", "bind", ["bind", "copy-symlink"])
    inside(volume)
    assert os.readlink(volume.root / "escaped/link") == "x" and not Path("/escaped").exists()


# --- filesystems ---

def test_tmpfs_takes_the_mode_of_what_it_covers(box):
    one = box()
    (one.root / "var").chmod(0o751)
    one.mount("/var", "tmpfs", "tmpfs").mount("/tmp", "tmpfs", "tmpfs", ["mode=700"]).mount("/new", "tmpfs", "tmpfs")
    assert inside(one, "stat -c %a /var /tmp /new")[0].split() == ["751", "700", "1777"]


def test_read_only_tmpfs_takes_later_mounts_and_devices(box):
    one = box()
    dev = next(m for m in one.config["mounts"] if m["destination"] == "/dev")
    dev["options"].append("ro")
    one.mount("/data", "tmpfs", "tmpfs", ["ro"]).mount("/data/below", "tmpfs", "tmpfs")
    said, found = inside(one, "echo x >/dev/null && echo ok; touch /dev/x 2>&1; touch /data/x 2>&1; touch /data/below/x && echo ok")
    assert said.count("ok\n") == 2 and said.count("Read-only file system") == 2
    assert "ro" in found["/dev"][0] and "ro" in found["/data"][0] and "rw" in found["/data/below"][0]


def test_copy_up_read_only(box):
    one = box()
    (one.root / "var/file").write_text("kept\n")
    said, found = inside(one.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup", "ro"]), "cat /var/file; touch /var/x 2>&1")
    assert said.startswith("kept\n") and "Read-only" in said and "ro" in found["/var"][0]


@pytest.mark.parametrize("kind", ["bind", "proc"])
def test_copy_up_is_for_tmpfs(volume, kind):  # noqa: F811
    volume.mount("/data", volume.volume, kind, ["tmpcopyup", *(["bind"] if kind == "bind" else [])]).sh("true").run().failed("tmpcopyup", "tmpfs")


def overlay(one, count, name):
    layers = []
    for number in range(count):
        layer = one.bundle / f"{name}-{number}"
        layer.mkdir()
        (layer / f"of-{number}").write_text(f"{number}\n")
        layers.append(str(layer))
    for folder in ("upper", "work"):
        (one.bundle / folder).mkdir()
    return [f"lowerdir={':'.join(layers)}", f"upperdir={one.bundle / 'upper'}", f"workdir={one.bundle / 'work'}"]


@pytest.mark.parametrize("count, name", [(2, "layer"), (12, "layer-with-a-name-that-makes-the-list-of-layers-long")])
def test_overlay(box, count, name):
    one = box()
    options = overlay(one, count, name)
    assert (len(options[0]) > 256) == (count == 12)
    if os.stat(one.bundle).st_dev == os.stat("/").st_dev and "overlay" in Path("/proc/mounts").read_text().split("\n")[0]:
        pytest.skip("an overlay cannot lie on an overlay here")
    one.mount("/data", "overlay", "overlay", [*options, "nosuid", "ro"] if count == 2 else [*options, "nosuid"])
    said, found = inside(one, f"cat /data/of-0 /data/of-{count - 1}; touch /data/new && echo new")
    assert said.split()[:2] == ["0", str(count - 1)]
    assert "nosuid" in found["/data"][0] and found["/data"][2] == "overlay"
    assert ("new" in said) == (count == 12) == (one.bundle / "upper/new").exists()


# --- in a user namespace ---

def test_sysfs_of_the_hosts_network_in_a_user_namespace(box):
    one = mapped(box()).without_namespace("network")
    said, found = inside(one, "ls /sys/class/net/lo/address; touch /sys/kernel/x 2>&1; mkdir /sys/fs/cgroup/*/x 2>&1")
    assert said.startswith("/sys/class/net/lo/address\n")
    below = {path: row for path, row in found.items() if path == "/sys" or path.startswith("/sys/")}
    assert len(below) > 1 and all("ro" in row[0] for row in below.values()), below
    assert {"nosuid", "nodev", "noexec"} <= found["/sys"][0]


def test_writable_sysfs_of_the_hosts_network_in_a_user_namespace(box):
    one = mapped(box("true")).without_namespace("network")
    next(m for m in one.config["mounts"] if m["type"] == "sysfs")["options"].remove("ro")
    one.run().failed("/sys", "network namespace")


@pytest.mark.parametrize("kind, gone", [("proc", "pid"), ("mqueue", "ipc")])
def test_filesystem_of_a_namespace_that_is_not_the_containers(box, kind, gone):
    one = mapped(box("true")).without_namespace(gone)
    one.run().failed(kind, f"{gone} namespace")


@pytest.mark.parametrize("kind", ["proc", "sysfs", "mqueue", "tmpfs", "devpts"])
def test_filesystem_in_a_user_namespace(box, kind):
    _, found = inside(mapped(box()))
    assert kind in {row[2] for row in found.values()}
