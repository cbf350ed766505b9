"""Corten's default seccomp policy against Docker's published one, call by call.

Docker's rules for "includes" and "excludes" are said again here, apart from Corten's code. The
policies are printed by the unit test program of src/engine/policy (POLICY_PRINT, or build/dev).
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = ROOT / "tests/data/docker-28.5.2-seccomp.json"
PRINT = os.environ.get("POLICY_PRINT", str(ROOT / "build/dev/src/engine-policy_test"))

CAPS = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE""".split()
USUAL = """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE""".split()
SETS = {"none": [], "usual": USUAL, "all": CAPS}
SETS.update({name: [name] for name in CAPS})
SETS.update({"all but " + name: [cap for cap in CAPS if cap != name] for name in CAPS})

PROCESSORS = {
    "x86_64": ("amd64", "SCMP_ARCH_X86_64"),
    "aarch64": ("arm64", "SCMP_ARCH_AARCH64"),
}
# The only names of Docker's that no processor of Corten's has.
FOREIGN = {"riscv_flush_icache", "riscv_hwprobe", "s390_pci_mmio_read", "s390_pci_mmio_write",
           "s390_runtime_instr", "swapcontext"}


def printed(source, processor, caps, kernel):
    mask = sum(1 << CAPS.index(cap) for cap in caps)
    run = subprocess.run([PRINT, str(source), processor, f"{mask:x}", kernel],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def at_least(kernel, wanted):
    have = [int(part) for part in kernel.split(".")[:2]]
    return have >= [int(part) for part in wanted.split(".")]


def applies(rule, goarch, caps, kernel):
    held = {"CAP_" + cap for cap in caps}
    without, within = rule.get("excludes", {}), rule.get("includes", {})
    if goarch in without.get("arches", []) or held & set(without.get("caps", [])):
        return False
    if without.get("minKernel") and at_least(kernel, without["minKernel"]):
        return False
    if within.get("arches") and goarch not in within["arches"]:
        return False
    if not set(within.get("caps", [])) <= held:
        return False
    return not within.get("minKernel") or at_least(kernel, within["minKernel"])


def expanded(docker, processor, caps, kernel):
    """What dockerd hands to the runtime."""
    goarch, native = PROCESSORS[processor]
    keep = ("names", "action", "errnoRet", "args")
    out = {key: docker[key] for key in ("defaultAction", "defaultErrnoRet") if key in docker}
    for arch in docker["archMap"]:
        if arch["architecture"] == native:
            out["architectures"] = [native] + (arch["subArchitectures"] or [])
    out["syscalls"] = [{key: rule[key] for key in keep if key in rule}
                       for rule in docker["syscalls"] if applies(rule, goarch, caps, kernel)]
    return out


def calls(policy):
    """For each name the set of its alternatives; one without conditions stands for all."""
    found = {}
    for rule in policy["syscalls"]:
        args = frozenset((arg.get("index", 0), arg["op"], arg.get("value", 0),
                          arg.get("valueTwo", 0)) for arg in rule.get("args", []))
        for name in rule["names"]:
            found.setdefault(name, []).append((rule["action"], rule.get("errnoRet"), args))
    return {name: {next((one for one in ones if not one[2]), None)}
            if any(not one[2] for one in ones) else set(ones) for name, ones in found.items()}


def known_names():
    table = (ROOT / "src/kern/seccomp/syscalls.inc").read_text(encoding="utf-8")
    return set(re.findall(r'^\{"(\w+)"', table, re.M))


@pytest.fixture(name="docker")
def docker_policy():
    if not os.path.exists(PRINT):
        pytest.fail(f"{PRINT} is not built: ninja -C build/dev src/engine-policy_test")
    return json.loads(DOCKER.read_text(encoding="utf-8"))


def test_every_name_is_known(docker):
    names = {name for rule in docker["syscalls"] for name in rule["names"]}
    assert names - known_names() == FOREIGN


@pytest.mark.parametrize("processor", PROCESSORS)
def test_default_is_dockers(docker, processor):
    for title, caps in SETS.items():
        want = expanded(docker, processor, caps, "5.10")
        have = printed("default", processor, caps, "5.10")
        want_calls = {name: rules for name, rules in calls(want).items() if name not in FOREIGN}
        assert have["defaultAction"] == want["defaultAction"]
        assert have["defaultErrnoRet"] == want["defaultErrnoRet"]
        assert sorted(have["architectures"]) == sorted(want["architectures"])
        have_calls = calls(have)
        assert set(have_calls) == set(want_calls), title
        for name, rules in want_calls.items():
            assert have_calls[name] == rules, (title, name)


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("kernel", ["4.7.9", "4.8", "5.10.0-x", "6.12.3"])
def test_dockers_file_is_converted(docker, processor, kernel):
    for title in ("none", "usual", "all", "SYS_ADMIN", "BPF"):
        want = expanded(docker, processor, SETS[title], kernel)
        have = printed(DOCKER, processor, SETS[title], kernel)
        assert have["architectures"] == want["architectures"]
        assert len(have["syscalls"]) == len(want["syscalls"])
        for mine, theirs in zip(have["syscalls"], want["syscalls"]):
            assert mine["names"] == theirs["names"]
            assert calls({"syscalls": [mine]}) == calls({"syscalls": [theirs]})


def test_a_changed_policy_is_noticed(docker):
    """The comparison itself can fail."""
    for rule in docker["syscalls"]:
        if rule["names"] == ["socket"]:
            rule["args"][0]["value"] = 41
    want = calls(expanded(docker, "x86_64", USUAL, "5.10"))
    have = calls(printed("default", "x86_64", USUAL, "5.10"))
    assert have["socket"] != want["socket"]
    assert have["read"] == want["read"]
    docker["syscalls"][0]["names"].append("reboot")
    assert "reboot" not in have
