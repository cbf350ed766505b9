"""Device nodes of linux.devices in a user namespace, which may make none: the host's side makes them."""
import os
from pathlib import Path

import pytest
from box import cgroup_v1
from users import V2_ONLY

MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def mapped(one):
    one.namespace("user")
    one.linux["uidMappings"] = one.linux["gidMappings"] = MAP
    for path in [one.root, *one.root.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    return one


def device(path, major, minor, kind="c", **more):
    return {"path": path, "type": kind, "major": major, "minor": minor, **more}


def seen(one, *paths):
    return one.sh("stat -c '%n %F %a %u:%g %t:%T' " + " ".join(paths)).run().ok().splitlines()


def test_nodes_that_the_host_lacks(box):
    one = mapped(box())
    one.linux["devices"] = [device("/dev/corten-a", 1, 5, fileMode=0o640, uid=10, gid=11),
                            device("/dev/deep/er/b", 7, 250, "b", fileMode=0o600),
                            device("/dev/plain", 1, 3)]
    assert seen(one, "/dev/corten-a", "/dev/deep/er/b", "/dev/plain") == [
        "/dev/corten-a character special file 640 10:11 1:5",
        "/dev/deep/er/b block special file 600 0:0 7:fa",
        "/dev/plain character special file 666 0:0 1:3"]
    assert not Path("/dev/corten-a").exists()


def test_the_hosts_node_with_another_mode_or_owner(box):
    was = os.stat("/dev/null")
    one = mapped(box())
    one.linux["devices"] = [device("/dev/null", 1, 3, fileMode=0o600, uid=0, gid=0),
                            device("/dev/zero", 1, 5, uid=7, gid=8)]
    assert seen(one, "/dev/null", "/dev/zero") == [
        "/dev/null character special file 600 0:0 1:3", "/dev/zero character special file 666 7:8 1:5"]
    now = os.stat("/dev/null")
    assert (was.st_mode, was.st_uid, was.st_gid) == (now.st_mode, now.st_uid, now.st_gid)


def test_what_the_host_has_is_bound(box):
    """Neither mode nor owner is asked for, or an owner that the namespace does not have."""
    one = mapped(box())
    one.linux["devices"] = [device("/dev/zero", 1, 5), device("/dev/full", 1, 7, uid=70000)]
    one.sh("stat -c '%a %u' /dev/zero /dev/full; cat /proc/self/mountinfo")
    out = one.run().ok()
    assert out.splitlines()[:2] == ["666 65534"] * 2
    assert not [line for line in out.splitlines() if "size=1024k" in line], out


def test_whatever_the_callers_umask(box):
    one = mapped(box())
    one.linux["devices"] = [device("/dev/corten-a", 1, 5, fileMode=0o666)]
    one.prefix = ["sh", "-c", 'umask 0777; exec "$@"', "sh"]
    assert "666 0:0" in seen(one, "/dev/corten-a")[0]


def test_it_works_and_its_folder_is_not_there(box):
    """The nodes come alone: no mount of the container shows the folder that they were made in."""
    one = mapped(box())
    one.linux["devices"] = [device(f"/dev/corten-{i}", 1, 5, fileMode=0o666) for i in range(3)]
    one.sh("head -c3 /dev/corten-2 | wc -c; grep ' /dev/corten-' /proc/self/mountinfo | sort; ls -a / ; mknod /dev/mine c 1 3")
    done = one.run()
    lines = done.out.splitlines()
    assert lines[0] == "3", done
    assert [line.split()[3:5] for line in lines[1:4]] == [[f"/{i}", f"/dev/corten-{i}"] for i in range(3)], done
    assert "bin" in lines and "not permitted" in done.err
    assert all("nosuid" in line.split()[5] and "nodev" not in line.split()[5] for line in lines[1:4])


def test_in_a_user_namespace_by_path(box):
    holder = mapped(box("sleep", "1000")).detached()
    for maps in ({}, {"uidMappings": MAP, "gidMappings": MAP}):
        one = mapped(box())
        del one.linux["uidMappings"], one.linux["gidMappings"]
        one.linux.update(maps)
        for kind in ("user", "network"):
            one.namespace(kind, f"/proc/{holder.pid()}/ns/{'net' if kind == 'network' else kind}")
        one.config["mounts"] = [m for m in one.config["mounts"] if m["type"] not in ("sysfs", "mqueue")]
        one.linux["devices"] = [device("/dev/corten-a", 1, 5, fileMode=0o640, uid=10, gid=11),
                                device("/dev/null", 1, 3, fileMode=0o666, uid=0, gid=70000)]
        assert seen(one, "/dev/corten-a", "/dev/null") == [
            "/dev/corten-a character special file 640 10:11 1:5",
            "/dev/null character special file 666 0:65534 1:3"]


def test_rules_hold_for_it(box):
    one = mapped(box())
    one.linux["devices"] = [device("/dev/corten-a", 1, 5), device("/dev/corten-b", 1, 11)]
    one.sh("head -c1 /dev/corten-a | wc -c; head -c1 /dev/corten-b")
    done = one.run()
    assert done.out == "1\n" and "not permitted" in done.err, done


def test_a_rule_that_denies_the_node(box):
    one = mapped(box())
    one.linux["devices"] = [device("/dev/corten-a", 1, 11)]
    one.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"},
                                         {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]
    one.sh("stat -c %t:%T /dev/corten-a; cat /dev/corten-a")
    done = one.run()
    assert done.out == "1:b\n" and "not permitted" in done.err, done


@pytest.mark.parametrize("propagation", ["shared", "rshared", "private", "rprivate", "slave", "unbindable"])
def test_with_a_propagation(box, propagation):
    one = mapped(box())
    one.linux["rootfsPropagation"] = propagation
    one.linux["devices"] = [device("/dev/corten-a", 1, 5, uid=3)]
    assert "666 3:0" in seen(one, "/dev/corten-a")[0]


def test_hooks_before_the_pivot_find_the_root(box):
    one = mapped(box())
    one.linux["devices"] = [device("/dev/corten-a", 1, 5, uid=3)]
    script = f"ls -ln {one.root}/dev/corten-a; ls {one.root}"
    one.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    done = one.sh("true").run()
    done.ok()


def test_an_existing_link_is_not_followed_out(box, workshop):
    """The image's own link at the device's path leads nowhere but into the image."""
    one = mapped(box())
    one.config["mounts"] = [m for m in one.config["mounts"] if not m["destination"].startswith("/dev")]
    outside = workshop / "outside"
    outside.mkdir(exist_ok=True)
    (one.root / "dev" / "sub").symlink_to(f"../../../..{outside}")
    one.linux["devices"] = [device("/dev/sub/corten-a", 1, 5, uid=3)]
    one.sh("true").run()
    assert list(outside.iterdir()) == []


HOLE = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "access": "rw"},
        {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"}]


def test_a_part_of_a_wider_rule(box):
    """config-linux.md, allowed device list: in order. Version 1 knows no exceptions to what it lists, and it is said."""
    one = box()
    one.linux["resources"]["devices"] = HOLE
    one.sh("mknod /f c 10 229; mknod /t c 10 200; for n in f t; do (: </$n) 2>&1; echo $n; (: >>/$n) 2>&1; echo $n; done")
    if cgroup_v1("devices"):
        one.run().failed("'c 10:229 w' cannot be taken out of the wider rule 'c 10:* rw'", "version 1")
        one.assert_nothing_left()
        one.prefix = ["unshare", "-m", "sh", "-c", V2_ONLY + 'exec "$@"', "sh"]
    first, between, *rest = one.run().ok().partition("f\n")
    assert "not permitted" not in first, first
    assert rest[0].count("not permitted") == 1 and "not permitted" in rest[0].partition("f\n")[0], rest
