"""The mount of type cgroup: with and without a cgroup namespace and a user namespace, on versions 1 and 2."""
import re
import shutil
import subprocess

import pytest
from box import CGROUPS, cgroup_v1, hierarchies
from mounts_test import inside
from namespaces_test import mapped

OPTIONS = ["nosuid", "noexec", "nodev", "relatime"]
LOOK = "cd /sys/fs/cgroup; for d in . *; do [ -e $d/cgroup.procs ] && echo $d $(grep -cx 1 $d/cgroup.procs); done"


@pytest.fixture
def version_2():
    """Version 2 alone at the usual place, as seen by what is started from here."""
    if subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=False).returncode != 0:
        pytest.skip("no second mount of cgroup version 2")
    yield
    subprocess.run(["umount", str(CGROUPS)], check=True)


def spaces(one, *names):
    for name in names:
        one = mapped(one) if name == "user" else one.namespace(name)
    return one


def own_groups(one, *options):
    """Where, below /sys/fs/cgroup, the container finds itself at the root of a hierarchy; and its mounts."""
    one.mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, *options])
    said, found = inside(one, LOOK)
    return {line.split()[0] for line in said.splitlines() if line.split()[1] != "0"}, found


@pytest.mark.parametrize("names", [[], ["cgroup"], ["user"], ["user", "cgroup"]])
def test_version_1(box, names):
    if not cgroup_v1("memory"):
        pytest.skip("no cgroup version 1 here")
    one = spaces(box(), *names)
    found, mounts = own_groups(one, "ro")
    assert {"memory", "pids", "devices", "freezer"} <= found
    # Under each name of a joined hierarchy, too.
    for top in hierarchies():
        for name in top.name.split(","):
            assert name in found or top.name == "unified", name
    below = {path: row for path, row in mounts.items() if path.startswith("/sys/fs/cgroup")}
    assert below["/sys/fs/cgroup"][2] == "tmpfs" and below["/sys/fs/cgroup/memory"][2] == "cgroup"
    assert all({"ro", "nosuid", "noexec", "nodev"} <= row[0] for row in below.values()), below
    if (CGROUPS / "unified").exists():
        assert below["/sys/fs/cgroup/unified"][2] == "cgroup2" and "unified" in found


@pytest.mark.parametrize("names", [[], ["cgroup"]])
def test_version_1_writable(box, names):
    if not cgroup_v1("memory"):
        pytest.skip("no cgroup version 1 here")
    one = spaces(box(), *names).mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, "rw", "rshared"])
    said, found = inside(one, "cd /sys/fs/cgroup/memory; mkdir inner && echo made; rmdir inner; touch ../x && echo top")
    assert said == "made\ntop\n" and "rw" in found["/sys/fs/cgroup/memory"][0]
    assert found["/sys/fs/cgroup"][1][0].startswith("shared:")
    assert found["/sys/fs/cgroup/memory"][1][0].startswith("shared:")


def test_version_1_in_a_user_namespace_is_not_writable(box):
    if not cgroup_v1("memory"):
        pytest.skip("no cgroup version 1 here")
    one = mapped(box()).namespace("cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, "rw"])
    said, _ = inside(one, "mkdir /sys/fs/cgroup/memory/inner 2>&1")
    assert "Permission denied" in said


def without_limits(one):
    del one.linux["resources"]
    return one


@pytest.mark.parametrize("names", [["cgroup"], ["user", "cgroup"]])
def test_version_2_shows_the_own_group(version_2, box, names):
    found, mounts = own_groups(spaces(without_limits(box()), *names), "ro")
    assert found == {"."}
    assert mounts["/sys/fs/cgroup"][2] == "cgroup2"
    assert {"ro", "nosuid", "noexec", "nodev"} <= mounts["/sys/fs/cgroup"][0]


@pytest.mark.parametrize("names", [[], ["user"]])
def test_version_2_without_a_cgroup_namespace_shows_the_hosts_tree(version_2, box, names):
    one = spaces(without_limits(box()), *names).mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, "ro"])
    said, mounts = inside(one, "own=$(sed -n 's/^0:://p' /proc/self/cgroup); echo $own; "
                               "grep -cx 1 /sys/fs/cgroup$own/cgroup.procs; mkdir /sys/fs/cgroup/x 2>&1")
    assert re.match(re.escape(one.cgroup) + "\n1\n", said), said
    assert "Read-only" in said and "ro" in mounts["/sys/fs/cgroup"][0]


def test_version_2_keeps_the_options_of_the_host(version_2, box):
    def options():
        with open("/proc/self/mountinfo", encoding="utf-8") as table:
            return [line.split(" - ")[1].split()[2] for line in table if " - cgroup2 " in line]
    before = options()
    one = without_limits(box("true")).mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, "ro"])
    one.run().ok()
    assert options() == before


def test_bind_where_no_new_mount_is_allowed(version_2, box):
    if shutil.which("strace") is None:
        pytest.skip("no strace here")
    one = without_limits(box()).namespace("cgroup")
    # The first file system that the container's process opens is this one.
    one.config["mounts"] = [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                             "options": [*OPTIONS, "ro"]}, one.config["mounts"][0]]
    one.prefix = ["strace", "-f", "-o", str(one.bundle / "trace"), "-e", "trace=fsopen",
                  "-e", "inject=fsopen:error=EPERM:when=1"]
    said, mounts = inside(one, LOOK)
    assert 'fsopen("cgroup2", FSOPEN_CLOEXEC) = -1 EPERM' in (one.bundle / "trace").read_text()
    assert said == ". 1\n" and "ro" in mounts["/sys/fs/cgroup"][0]
