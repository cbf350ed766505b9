"""Idmapped mounts: idmap and ridmap, with mappings of their own and with the container's."""
import json
import os

import pytest
from box import RUNTIME, call, mount, mounted
from mounts_test import inside, volume  # noqa: F401
from namespaces_test import mapped

OWN = [{"containerID": 0, "hostID": 5000, "size": 10}, {"containerID": 1000, "hostID": 7000, "size": 5}]
LOOK = "cd /data; stat -c '%n %u %g' file user sub/file 2>/dev/null"


@pytest.fixture
def owned(volume):  # noqa: F811
    """A volume of files of ids 0 and 1000, with another filesystem on sub."""
    one = volume
    (one.volume / "user").write_text("")
    os.chown(one.volume / "user", 1000, 1001)
    (one.volume / "sub").mkdir()
    with mounted("-t", "tmpfs", "tmpfs", one.volume / "sub"):
        (one.volume / "sub/file").write_text("")
        # Ids that no mapping of this file names are shown as nobody's.
        yield one


def mappings(uids=None, gids=None):
    return {"uidMappings": uids or OWN, "gidMappings": gids or uids or OWN}


def owners(one, *options, script=LOOK, **more):
    one.mount("/data", one.volume, "bind", ["rbind", *options], **more)
    said, _ = inside(one, script)
    return {line.split()[0]: tuple(map(int, line.split()[1:])) for line in said.splitlines()}


# --- without a user namespace ---

def test_mappings_of_the_mount(owned):
    assert owners(owned, "idmap", **mappings()) == {"file": (5000, 5000), "user": (7000, 7001), "sub/file": (0, 0)}


def test_mappings_of_the_whole_tree(owned):
    assert owners(owned, "ridmap", **mappings()) == {
        "file": (5000, 5000), "user": (7000, 7001), "sub/file": (5000, 5000)}


def test_mappings_without_the_option(owned):
    # The option SHOULD be there; runc and crun map without it, too.
    assert owners(owned, **mappings()) == {"file": (5000, 5000), "user": (7000, 7001), "sub/file": (0, 0)}


def test_uids_and_gids_apart(owned):
    found = owners(owned, "idmap", **mappings(OWN, [{"containerID": 0, "hostID": 0, "size": 2000}]))
    assert found["file"] == (5000, 0) and found["user"] == (7000, 1001)


def test_ids_outside_the_mapping_are_nobodys(owned):
    assert owners(owned, "idmap", **mappings([{"containerID": 0, "hostID": 5000, "size": 1}]))["user"] == (65534, 65534)


def test_what_is_made_there_is_mapped_back(owned):
    owned.process["user"] = {"uid": 7002, "gid": 7003}
    owned.volume.chmod(0o777)
    owners(owned, "idmap", script="touch /data/made", **mappings())
    made = (owned.volume / "made").stat()
    assert (made.st_uid, made.st_gid) == (1002, 1003)


def test_ids_without_a_place_make_nothing(owned):
    owned.volume.chmod(0o777)
    owned.mount("/data", owned.volume, "bind", ["bind", "idmap"], **mappings())
    done = owned.sh("touch /data/made").run()
    assert done.status == 1 and "too large" in done.err, done


def test_the_source_is_unchanged(owned):
    owners(owned, "ridmap", **mappings())
    assert (owned.volume / "file").stat().st_uid == 0 and (owned.volume / "user").stat().st_uid == 1000


def test_other_options_hold(owned):
    owned.mount("/data", owned.volume, "bind", ["rbind", "idmap", "ro", "rnosuid", "rslave"], **mappings())
    said, found = inside(owned, "stat -c %u /data/file; touch /data/x 2>&1")
    assert said.startswith("5000\n") and "Read-only" in said
    assert {"ro", "nosuid"} <= found["/data"][0] and {"rw", "nosuid"} <= found["/data/sub"][0]


def test_several_mounts_and_a_file(owned):
    other = [{"containerID": 0, "hostID": 9000, "size": 1}]
    owned.mount("/a", owned.volume, "bind", ["bind", "idmap"], **mappings())
    owned.mount("/b", owned.volume, "bind", ["bind", "idmap"], **mappings(other))
    owned.mount("/c", owned.volume, "bind", ["bind"])
    owned.mount("/d", owned.volume / "file", "bind", ["bind", "idmap"], **mappings(other))
    assert inside(owned, "stat -c %u /a/file /b/file /c/file /d")[0].split() == ["5000", "9000", "0", "9000"]


def test_nothing_of_a_shared_source_reaches_the_host(owned):
    mount("--make-shared", owned.volume / "sub")
    owned.mount("/data", owned.volume, "bind", ["rbind", "idmap"], **mappings())
    _, found = inside(owned)
    assert [word.split(":")[0] for word in found["/data/sub"][1]] == ["master"]


def test_created_and_started(owned):
    owned.mount("/data", owned.volume, "bind", ["rbind", "idmap"], **mappings()).sh("sleep 1000")
    owned.create().ok()
    owned.start().ok()
    assert owned.inside("stat -c %u /data/file").ok() == "5000\n"


# --- in a user namespace ---

def test_the_containers_mapping(owned):
    # The container's root is the owner of the host root's files.
    assert owners(mapped(owned), "idmap") == {"file": (0, 0), "user": (1000, 1001), "sub/file": (65534, 65534)}


def test_the_containers_mapping_of_the_whole_tree(owned):
    assert owners(mapped(owned), "ridmap")["sub/file"] == (0, 0)


def test_own_mapping_in_a_user_namespace(owned):
    own = [{"containerID": 0, "hostID": 100005, "size": 1}]
    assert owners(mapped(owned), "idmap", **mappings(own))["file"] == (5, 5)


def test_without_idmap_in_a_user_namespace(owned):
    assert owners(mapped(owned))["file"] == (65534, 65534)


def test_root_of_the_container_writes(owned):
    owners(mapped(owned), "idmap", script="touch /data/made")
    assert (owned.volume / "made").stat().st_uid == 0


# --- crun's mappings in the option ---

def test_mapping_in_the_option(owned):
    found = owners(owned, "idmap=uids=0-5000-10#1000-7000-5;gids=0-6000-1")
    assert found == {"file": (5000, 6000), "user": (7000, 65534), "sub/file": (0, 0)}


def test_mapping_of_the_tree_in_the_option(owned):
    assert owners(owned, "ridmap=uids=0-5000-1;gids=0-6000-1")["sub/file"] == (5000, 6000)


def test_mapping_relative_to_the_container(owned):
    assert owners(mapped(owned), "idmap=uids=@0-7-1;gids=@0-8-1")["file"] == (7, 8)


# --- errors ---

def test_no_mapping_and_no_user_namespace(owned):
    owned.mount("/data", owned.volume, "bind", ["bind", "idmap"]).sh("true").run().failed(
        "/data", "uidMappings", "user namespace")


@pytest.mark.parametrize("lonely", ["uidMappings", "gidMappings"])
def test_one_kind_alone(owned, lonely):
    owned.mount("/data", owned.volume, "bind", ["bind", "idmap"], **{lonely: OWN}).sh("true").run().failed(
        "mounts[6]", "uidMappings", "gidMappings")


def test_new_filesystem(box):
    one = box().mount("/data", "tmpfs", "tmpfs", ["idmap", "mode=755"], **mappings())
    said, found = inside(one, "stat -c '%u %g' /data; touch /data/x 2>&1")
    assert said.startswith("5000 5000\n") and "idmapped" in found["/data"][0]


@pytest.mark.parametrize("kind", ["proc", "mqueue", "cgroup"])
def test_new_filesystem_that_cannot(box, kind):
    one = box("true").mount("/data", kind, kind, ["idmap"], **mappings())
    one.run().failed("/data", "owners" if kind == "cgroup" else "ids")


def test_new_filesystem_of_a_user_namespace(box):
    mapped(box("true")).mount("/data", "tmpfs", "tmpfs", ["idmap"]).run().failed("/data", "ids")


def test_remount(owned):
    owned.mount("/data", owned.volume, "bind", ["bind"]).mount("/data", None, None, ["remount"], **mappings())
    owned.sh("true").run().failed("/data", "idmap", "remount")


def test_filesystem_that_cannot(box):
    box("true").mount("/data", "/proc", "bind", ["bind", "idmap"], **mappings()).run().failed(
        "/data", "ids", "filesystem")


def test_overlapping_mappings(owned):
    wrong = [{"containerID": 0, "hostID": 5000, "size": 10}, {"containerID": 5, "hostID": 9000, "size": 10}]
    owned.mount("/data", owned.volume, "bind", ["bind", "idmap"], **mappings(wrong)).sh("true").run().failed(
        "/data", "overlap")


@pytest.mark.parametrize("text", ["idmap=", "idmap=uids=0-0-1", "idmap=uids=0-0;gids=0-0-1", "idmap=nonsense",
                                  "idmap=uids=@0-0-1;gids=0-0-1", "ridmap=uids=a-0-1;gids=0-0-1"])
def test_wrong_mapping_in_the_option(owned, text):
    owned.mount("/data", owned.volume, "bind", ["bind", text]).sh("true").run().failed("/data", "idmap")


def test_features():
    found = json.loads(call([RUNTIME, "features"]).ok())
    assert found["linux"]["mountExtensions"]["idmap"]["enabled"] is True
    assert {"idmap", "ridmap"} <= set(found["mountOptions"])
