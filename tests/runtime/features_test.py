"""features: what the runtime specification says of the structure (its pages "Features Structure" and "Linux Features
Structure"), member by member, and that what is claimed is true."""
import json
import re

import pytest
from box import RUNTIME, call

TOP = {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations",
       "potentiallyUnsafeConfigAnnotations"}
LINUX = {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt", "memoryPolicy",
         "mountExtensions", "netDevices"}
FLAGS = {"cgroup": {"v1", "v2", "systemd", "systemdUser", "rdma"}, "apparmor": {"enabled"}, "selinux": {"enabled"},
         "intelRdt": {"enabled", "schemata", "monitoring"}, "netDevices": {"enabled"}}
HOOKS = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
NAMESPACES = {"pid", "network", "uts", "mount", "ipc", "user", "cgroup", "time"}
ACTIONS = {"SCMP_ACT_" + name for name in "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY".split()}
OPERATORS = {"SCMP_CMP_" + name for name in "NE LT LE EQ GE GT MASKED_EQ".split()}
FILTER_FLAGS = {"SECCOMP_FILTER_FLAG_" + name for name in "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV".split()}


@pytest.fixture(scope="module")
def features():
    return json.loads(call([RUNTIME, "features"]).ok())


def is_strings(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def test_versions(features):
    """ociVersionMin and ociVersionMax are REQUIRED; max MUST NOT be less than min."""
    low, high = (tuple(map(int, features[name].split("-")[0].split("."))) for name in ("ociVersionMin", "ociVersionMax"))
    assert len(low) == len(high) == 3 and low <= high


def test_both_versions_are_accepted_in_a_configuration(box, features):
    for version in (features["ociVersionMin"], features["ociVersionMax"]):
        one = box("echo", "hello")
        one.config["ociVersion"] = version
        assert one.run().ok() == "hello\n"


def test_no_property_that_the_specification_does_not_define(features):
    """MUST NOT contain properties that are not defined in ociVersionMax."""
    assert set(features) <= TOP and set(features["linux"]) <= LINUX
    for name, members in FLAGS.items():
        assert set(features["linux"].get(name, {})) <= members, name
    assert set(features["linux"]["seccomp"]) <= {"enabled", "actions", "operators", "archs", "knownFlags", "supportedFlags"}
    assert set(features["linux"]["mountExtensions"]) <= {"idmap"}
    assert set(features["linux"].get("memoryPolicy", {})) <= {"modes", "flags"}


def test_types(features):
    assert is_strings(features["hooks"]) and set(features["hooks"]) <= HOOKS
    assert is_strings(features["mountOptions"]) and is_strings(features["linux"]["namespaces"])
    assert set(features["linux"]["namespaces"]) <= NAMESPACES
    assert is_strings(features["linux"]["capabilities"])
    assert all(re.fullmatch(r"CAP_[A-Z_]+", name) for name in features["linux"]["capabilities"])
    for name in FLAGS:
        assert all(isinstance(value, bool) for value in features["linux"].get(name, {}).values()), name
    assert isinstance(features["linux"]["mountExtensions"]["idmap"]["enabled"], bool)
    for key, value in features.get("annotations", {}).items():
        assert key and isinstance(value, str)


def test_mount_options_hold_no_filesystem_data(features):
    """SHOULD NOT contain filesystem-specific options."""
    assert not any("=" in name or name in ("size", "mode", "gid", "uid", "newinstance") for name in features["mountOptions"])


def test_seccomp(features):
    seccomp = features["linux"]["seccomp"]
    assert isinstance(seccomp["enabled"], bool)
    for name in ("actions", "operators", "archs", "knownFlags", "supportedFlags"):
        assert is_strings(seccomp[name]), name
    assert set(seccomp["actions"]) <= ACTIONS and set(seccomp["operators"]) <= OPERATORS
    assert all(re.fullmatch(r"SCMP_ARCH_[A-Z0-9_]+", name) for name in seccomp["archs"])
    assert set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"]) <= FILTER_FLAGS


def test_hooks_that_are_named_run(box, features):
    one = box("sh", "-c", "true")
    seen = one.bundle / "seen"
    for name in features["hooks"]:
        if name == "startContainer":
            one.config.setdefault("hooks", {})[name] = [{"path": "/bin/sh", "args": ["sh", "-c", "echo x >/started"]}]
        else:
            one.config.setdefault("hooks", {})[name] = [
                {"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} >>{seen}"]}]
    one.run().ok()
    named = seen.read_text().split() + (["startContainer"] if (one.root / "started").exists() else [])
    assert sorted(named) == sorted(features["hooks"])


def test_the_same_on_each_call():
    """The content SHOULD be determined on the compilation time."""
    assert call([RUNTIME, "features"]).ok() == call([RUNTIME, "--root", "/no/such", "features"]).ok()


def test_checkpoints_are_not_claimed():
    assert "checkpoint" not in call([RUNTIME, "features"]).ok() and "criu" not in call([RUNTIME, "features"]).ok()
