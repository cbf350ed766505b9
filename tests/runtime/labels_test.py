"""AppArmor profiles and SELinux contexts where the kernel has neither; the guest's cases have both."""
import json
from pathlib import Path

import pytest


def lsms():
    for top in ("/sys/kernel/security/lsm",):
        if Path(top).exists():
            return Path(top).read_text()
    return ""


pytestmark = pytest.mark.skipif("apparmor" in lsms() or "selinux" in lsms(), reason="this kernel heeds labels")
PROFILE, CONTEXT = "a-profile", "system_u:system_r:container_t:s0:c1,c2"
NO_APPARMOR = ["apparmorProfile", PROFILE, "apparmor: config provided but apparmor not supported"]
NO_SELINUX = ["selinux label is specified in config, but selinux is disabled or not supported", CONTEXT]


@pytest.mark.parametrize("command", ["run", "create"])
@pytest.mark.parametrize("part, member, value, words", [
    ("process", "apparmorProfile", PROFILE, NO_APPARMOR),
    ("process", "selinuxLabel", CONTEXT, [*NO_SELINUX, "process.selinuxLabel"]),
    ("linux", "mountLabel", CONTEXT, [*NO_SELINUX, "linux.mountLabel"])])
def test_labels_that_nobody_heeds(box, command, part, member, value, words):
    one = box("echo", "ran")
    one.config[part][member] = value
    done = getattr(one, command)()
    done.failed(*words)
    assert done.out == ""
    one.assert_nothing_left()


def test_empty_labels_are_none(box):
    one = box("echo", "ran")
    one.process["apparmorProfile"] = one.process["selinuxLabel"] = one.linux["mountLabel"] = ""
    assert one.run().ok() == "ran\n"


def test_exec_with_labels_that_nobody_heeds(box, tmp_path):
    one = box("sleep", "100").detached()
    one.inside("true", "--apparmor", PROFILE).failed(*NO_APPARMOR)
    one.inside("true", "--process-label", CONTEXT).failed(*NO_SELINUX)
    one.inside("echo ran", "--apparmor", "", "--process-label", "").ok()
    file = tmp_path / "process.json"
    for member, value, words in (("apparmorProfile", PROFILE, NO_APPARMOR), ("selinuxLabel", CONTEXT, NO_SELINUX)):
        file.write_text(json.dumps({**one.process, "args": ["true"], member: value}))
        one.exec("--process", file, one.id).failed(*words)


def test_features_of_labels(box):
    says = json.loads(box("true").runtime("features").ok())["linux"]
    assert says["apparmor"] == says["selinux"] == {"enabled": True}
