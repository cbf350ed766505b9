"""The runtime specification 1.3, "Configuration" (config.md): clauses that no other test holds."""
import os
import resource
from pathlib import Path

import pytest
from box import SANITIZED

HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
LIMITS = {"RLIMIT_CPU": "Max cpu time", "RLIMIT_FSIZE": "Max file size", "RLIMIT_DATA": "Max data size",
          "RLIMIT_STACK": "Max stack size", "RLIMIT_CORE": "Max core file size", "RLIMIT_RSS": "Max resident set",
          "RLIMIT_NPROC": "Max processes", "RLIMIT_NOFILE": "Max open files", "RLIMIT_MEMLOCK": "Max locked memory",
          "RLIMIT_AS": "Max address space", "RLIMIT_LOCKS": "Max file locks", "RLIMIT_SIGPENDING": "Max pending signals",
          "RLIMIT_MSGQUEUE": "Max msgqueue size", "RLIMIT_NICE": "Max nice priority",
          "RLIMIT_RTPRIO": "Max realtime priority", "RLIMIT_RTTIME": "Max realtime timeout"}
# The module "resource" knows all but one.
LIMIT_NUMBERS = {name: getattr(resource, name, 10) for name in LIMITS}
BIND_OPTIONS = """async atime bind dev diratime exec noatime nodev nodiratime noexec norelatime nostrictatime nosuid private
rbind relatime ro rprivate rshared rslave runbindable rw shared slave strictatime suid sync unbindable defaults""".split()
FILESYSTEM_OPTIONS = """async atime defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
noiversion nolazytime norelatime nostrictatime nosuid relatime ro rw silent strictatime suid sync""".split()


def put(config, path, value):
    *parents, last = path.split(".")
    for name in parents:
        config = config.setdefault(name, {})
    config[last] = value


# --- version and root ---

@pytest.mark.parametrize("version", ["1.0.0", "1.0.2", "1.0.2-dev", "1.0.0-rc5", "1.1.0", "1.2.1", "1.3.0"])
def test_version_that_is_supported(box, version):
    """config.md, Specification version: a bundle of any release of the same major version up to the supported one."""
    one = box("echo", "ran")
    one.config["ociVersion"] = version
    assert one.run().ok() == "ran\n"


@pytest.mark.parametrize("version", ["", "1", "1.0", "v1.0.0", "one", "1.0.0.0", "1..0", "-1.0.0", "1.0.x", "2.0.0", "1.0.0 "])
def test_version_that_is_none(box, version):
    """config.md, Specification version: what is no semantic version, or of another major one, is an error."""
    one = box("true")
    one.config["ociVersion"] = version
    one.run().failed("ociVersion")


def test_root_must_be_a_folder(box):
    """config.md, Root, path: a folder must be there."""
    one = box("true")
    (one.bundle / "file").write_text("")
    one.config["root"]["path"] = "file"
    one.run().failed("file")
    one.config["root"] = {}
    one.run().failed("root.path")
    one.assert_nothing_left()


@pytest.mark.parametrize("value, wanted", [(True, "1"), (False, "0"), (None, "0")])
def test_root_readonly(box, value, wanted):
    """config.md, Root, readonly: the root is read-only if and only if it is set."""
    one = box().sh("touch /made 2>/dev/null; echo $?")
    one.config["root"].pop("readonly")
    if value is not None:
        one.config["root"]["readonly"] = value
    assert one.run().ok() == f"{wanted}\n"


# --- mounts ---

def test_options_of_a_bind_mount_are_known(box):
    """config.md, Linux mount options: each that MUST be implemented is accepted for a bind mount."""
    one = box("cat", "/data/file")
    (one.bundle / "volume").mkdir()
    (one.bundle / "volume/file").write_text("seen\n")
    for option in BIND_OPTIONS:
        one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/data"]
        one.mount("/data", one.bundle / "volume", "none", ["bind", option] if option != "bind" else ["bind"])
        assert one.run().ok() == "seen\n", option


def test_options_of_a_filesystem_are_known(box):
    """config.md, Linux mount options: each that MUST be implemented is accepted for a new filesystem."""
    one = box("sh", "-c", "grep -c ' /data ' /proc/self/mountinfo")
    for option in FILESYSTEM_OPTIONS:
        one.config["mounts"] = [m for m in one.config["mounts"] if m["destination"] != "/data"]
        one.mount("/data", "tmpfs", "tmpfs", [option])
        assert one.run().ok() == "1\n", option


def test_mounts_follow_their_order_even_over_each_other(box):
    """config.md, Mounts: entries are mounted in the listed order: the later covers the earlier."""
    one = box("sh", "-c", "ls /data; ls /data/below 2>/dev/null; grep -c ' /data' /proc/self/mountinfo")
    for name in ("first", "second"):
        (one.bundle / name / "below").mkdir(parents=True)
        (one.bundle / name / name).write_text("")
    one.mount("/data", one.bundle / "first", "none", ["bind"])
    one.mount("/data/below", "tmpfs", "tmpfs", [])
    one.mount("/data", one.bundle / "second", "none", ["bind"])
    assert one.run().ok().split() == ["below", "second", "3"]


@pytest.mark.parametrize("destination", ["data", "./data", "data/"])
def test_relative_destination_is_below_the_root(box, destination):
    """config.md, Mounts, destination: a relative path is relative to "/", whatever the working folder."""
    one = box("sh", "-c", "grep -c ' /data ' /proc/self/mountinfo")
    one.process["cwd"] = "/tmp"
    one.mount(destination, "tmpfs", "tmpfs", [])
    assert one.run().ok() == "1\n"


# --- process ---

def test_every_limit(box):
    """config.md, POSIX process, rlimits: each type that Linux has is set as configured, soft and hard."""
    if SANITIZED:
        pytest.skip("ASan takes more address space than RLIMIT_AS leaves")
    one = box("cat", "/proc/self/limits")
    wanted = {}
    for name, label in LIMITS.items():
        _, hard = resource.getrlimit(LIMIT_NUMBERS[name])
        top = 1 << 40 if hard == resource.RLIM_INFINITY else hard
        if name == "RLIMIT_NPROC":
            top = min(top, 50000)
        wanted[label] = (max(0, top - 2), top) if top else (0, 0)
    one.process["rlimits"] = [{"type": name, "soft": wanted[label][0], "hard": wanted[label][1]} for name, label in LIMITS.items()]
    seen = {}
    for line in one.run().ok().splitlines():
        for label in LIMITS.values():
            if line.startswith(label + " "):
                seen[label] = tuple(map(int, line[len(label):].split()[:2]))
    assert seen == wanted


@pytest.mark.parametrize("path, value, place", [
    ("process.rlimits", [{"soft": 1, "hard": 1}], "rlimits[0].type"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "hard": 1}], "rlimits[0].soft"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 1}], "rlimits[0].hard"),
    ("process.user", {"gid": 0}, "process.user.uid"), ("process.user", {"uid": 0}, "process.user.gid"),
    ("mounts", [{"type": "tmpfs", "source": "x"}], "mounts[0].destination"),
    *((f"hooks.{kind}", [{"args": ["x"]}], f"hooks.{kind}[0].path") for kind in HOOKS)])
def test_required_member_is_absent(box, path, value, place):
    """config.md, Process, User, Mounts, Hooks: a REQUIRED member that is absent is an error that names it."""
    one = box("true")
    put(one.config, path, value)
    one.run().failed(place)
    one.assert_nothing_left()


@pytest.mark.parametrize("size", [{}, {"height": 5}, {"width": 5}])
def test_required_member_of_the_console_size(box, console, size):
    """config.md, Process, consoleSize: height and width are REQUIRED."""
    one = box("true")
    one.process["terminal"], one.process["consoleSize"] = True, size
    one.create("--console-socket", console().path).failed("consoleSize")


@pytest.mark.parametrize("cwd", ["tmp", "./tmp", "..", ""])
def test_cwd_is_absolute(box, cwd):
    """config.md, Process, cwd: MUST be absolute."""
    one = box("true")
    one.process["cwd"] = cwd
    one.run().failed("cwd")


@pytest.mark.parametrize("score", [-1000, 0, 321, 1000])
def test_oom_score(box, score):
    """config.md, Linux process, oomScoreAdj: set to the value if it is set."""
    now = int(Path("/proc/self/oom_score_adj").read_text())
    one = box("cat", "/proc/self/oom_score_adj")
    one.process["oomScoreAdj"] = score
    done = one.run()
    if score < now and done.status != 0:
        done.failed("oomScoreAdj")
    else:
        assert done.ok() == f"{score}\n"


# --- hooks ---

@pytest.mark.parametrize("kind", HOOKS)
def test_path_of_a_hook_is_absolute(box, kind):
    """config.md, POSIX-platform Hooks, path: MUST be absolute, in hooks of every kind."""
    one = box("true")
    for path in ("bin/true", "./true", "true", ""):
        one.config["hooks"] = {kind: [{"path": path}]}
        one.run().failed(f"hooks.{kind}[0]")
        one.assert_nothing_left()


@pytest.mark.parametrize("kind", HOOKS)
def test_path_of_a_hook_is_of_its_namespace(box, kind):
    """config.md, POSIX-platform Hooks: a startContainer hook's path is the container's, of all others the runtime's."""
    one = box("true")
    inside, outside = one.root / "bin" / "hook-inside", one.bundle / "hook-outside"
    for file in (inside, outside):
        file.write_text("#!/bin/sh\ncat >/dev/null\n")
        file.chmod(0o755)
    right, wrong = ("/bin/hook-inside", str(outside)) if kind == "startContainer" else (str(outside), "/bin/hook-inside")
    one.config["hooks"] = {kind: [{"path": right}]}
    one.run().ok()
    one.config["hooks"] = {kind: [{"path": wrong}]}
    done = one.run()
    if kind == "poststop":  # that fails with a warning alone
        assert "hook-inside" in done.err
    else:
        done.failed()


# --- annotations, unknown properties, valid values ---

@pytest.mark.parametrize("annotations", [{"": "x"}, {"a": 1}, {"a": {}}, {"a": ["b"]}, {"a": True}, [], "x"])
def test_wrong_annotations(box, annotations):
    """config.md, Annotations: a map of strings, without an empty key."""
    one = box("true")
    one.config["annotations"] = annotations
    one.run().failed("annotations")


@pytest.mark.parametrize("key", ["org.opencontainers.image.os", "org.opencontainers.of.nothing", "x", "run.oci.of.nothing"])
def test_unknown_annotation(box, key):
    """config.md, Annotations: unknown keys are no error; an empty value is a value."""
    one = box("echo", "ran")
    one.config["annotations"] = {key: ""}
    assert one.run().ok() == "ran\n"


@pytest.mark.parametrize("path", ["unknown", "process.unknown", "root.unknown", "process.user.unknown", "linux.unknown",
                                  "linux.resources.unknown", "linux.resources.memory.unknown", "hooks.unknown",
                                  "process.capabilities.unknown", "linux.seccomp.unknown"])
def test_unknown_property(box, path):
    """config.md, Extensibility: an unknown property is no error, wherever it is and whatever it holds."""
    one = box("echo", "ran")
    one.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    for value in ({"a": [1, {"b": None}]}, None, "x"):
        put(one.config, path, value)
        assert one.run().ok() == "ran\n", value


@pytest.mark.parametrize("path, value", [
    ("root.path", 1), ("root.readonly", "true"), ("mounts", "x"), ("mounts", [[]]), ("process", []), ("process.args", [1]),
    ("process.args", "true"), ("process.env", [1]), ("process.cwd", 1), ("process.terminal", "yes"), ("process.user", []),
    ("process.user.uid", "0"), ("process.user.gid", 1.5), ("process.user.umask", -1), ("process.user.additionalGids", ["5"]),
    ("process.capabilities", []), ("process.capabilities.bounding", "CAP_KILL"), ("process.noNewPrivileges", 1),
    ("process.oomScoreAdj", "1"), ("process.oomScoreAdj", 1001), ("process.oomScoreAdj", -1001), ("process.rlimits", {}),
    ("hostname", 1), ("domainname", []), ("hooks", []), ("hooks.poststart", {}), ("hooks.poststart", [{"path": "/x", "timeout": 0}]),
    ("hooks.poststart", [{"path": "/x", "timeout": -1}]), ("linux", []), ("annotations", 5)])
def test_invalid_value(box, path, value):
    """config.md, Valid values: an invalid value is an error, and no container is made."""
    one = box("true")
    put(one.config, path, value)
    one.run().failed(path.split(".", 1)[-1].split(".")[0])
    one.assert_nothing_left()


def test_hostname_is_of_the_container_alone(box):
    """config.md, Hostname, Domainname: as the container sees it; the runtime's own stays."""
    before = os.uname()
    one = box("sh", "-c", "hostname; cat /proc/sys/kernel/domainname")
    one.config["hostname"], one.config["domainname"] = "inside", "example.test"
    assert one.run().ok() == "inside\nexample.test\n"
    assert os.uname() == before
