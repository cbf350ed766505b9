"""AppArmor and SELinux on a host that has neither: nothing is asked of the kernel that it would not heed. What
they do where they are is shown in guests (tests/guest)."""
import json
import pathlib

import pytest


def lsms():
    try:
        return pathlib.Path("/sys/kernel/security/lsm").read_text(encoding="utf-8")
    except OSError:
        return ""


pytestmark = pytest.mark.skipif("apparmor" in lsms() or "selinux" in lsms(), reason="this kernel heeds labels")


@pytest.mark.parametrize("words", [[], ["--security-opt", "apparmor=unconfined"], ["--security-opt", "label=disable"],
                                   ["--security-opt", "label:disable"], ["--privileged"]])
def test_the_configuration_has_no_labels(corten, words):
    name = corten.ok("run", "-d", *words, "bb", "sleep", "100").strip()
    text = (corten.state / "containers" / name / "config.json").read_text()
    config = json.loads(text)
    assert config["process"]["args"] == ["sleep", "100"]
    assert "apparmorProfile" not in text and "selinuxLabel" not in text and "mountLabel" not in text
    assert corten.ok("exec", name, "echo", "ran") == "ran\n"
    told = json.loads(corten.ok("inspect", name))[0]
    assert (told["AppArmorProfile"], told["ProcessLabel"], told["MountLabel"]) == ("", "", "")


@pytest.mark.parametrize("option,words", [
    ("apparmor=mine", "apparmor=mine: AppArmor is not enabled on this host"),
    ("apparmor=corten-default", "AppArmor is not enabled on this host"),
    ("label=type:spc_t", "label=type:spc_t: SELinux is not enabled on this host"),
    ("label=level:s0:c1,c2", "SELinux is not enabled on this host"),
    ("label=user:u", "SELinux is not enabled on this host"),
    ("label=role:r", "SELinux is not enabled on this host"),
    ("label=type:a:b", "not a type of SELinux"),
    ("label=colour:red", "disable, user:U, role:R, type:T, filetype:T and level:L are known"),
    ("label=", "invalid --security-opt: 'label='"),
])
def test_what_the_host_would_not_heed_is_refused(corten, option, words):
    done = corten("run", "--rm", "--security-opt", option, "bb", "echo", "ran")
    assert done.returncode == 125 and words in done.stderr and "ran\n" not in done.stdout, done


def test_info_says_what_confines(corten):
    told = json.loads(corten.ok("info", "--format", "json"))
    assert told["SecurityOptions"] == ["name=seccomp,profile=builtin"]
    text = corten.ok("info")
    assert "Security: name=seccomp,profile=builtin\n" in text and f"Version: {told['ServerVersion']}\n" in text
    for member in ("Root", "State", "KernelVersion", "CgroupVersion"):
        assert told[member] in text
