"""What is refused, and how it is said; log, spec, features."""
import json
import os
import re
import subprocess

import pytest
from box import RUNTIME, call

def at(config, path, value):
    """Sets a nested value: 'linux.memoryPolicy'."""
    *parents, last = path.split(".")
    for name in parents:
        config = config.setdefault(name, {})
    config[last] = value


@pytest.mark.parametrize("path, value, word", [
    ("process.apparmorProfile", "docker-default", "apparmorProfile"),
    ("process.selinuxLabel", "system_u:system_r:container_t:s0", "selinuxLabel"),
    ("linux.mountLabel", "system_u:object_r:x:s0", "mountLabel"),
    ("linux.intelRdt", {"closID": "x"}, "intelRdt"),
    ("linux.netDevices", {"none0": {"name": "x"}}, "netDevices"),
    ("linux.timeOffsets", {"boottime": {"secs": 1}}, "timeOffsets"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}, "seccomp")])
def test_what_cannot_be_done_is_refused_by_name(box, path, value, word):
    one = box("touch", "/ran")
    at(one.config, path, value)
    done = one.run()
    assert done.status != 0 and word in done.err, done
    assert not (one.root / "ran").exists()


@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_idmap_option_is_refused_by_name(box, option):
    one = box("true")
    one.mount("/data", one.bundle, "bind", ["bind", option]).run().failed("idmap")


@pytest.mark.parametrize("path, value, place", [
    ("process.args", "sh", "process.args"), ("process.user.uid", "root", "process.user.uid"),
    ("process.user.uid", -1, "process.user.uid"), ("process.user.uid", 2**32, "process.user.uid"),
    ("process.user.additionalGids", [1, 2**32 + 5], "process.user.additionalGids[1]"),
    ("mounts", {}, "mounts"), ("mounts", [{"type": "tmpfs"}], "mounts[0].destination"),
    ("root", None, "root"), ("root.readonly", "yes", "root.readonly"), ("process.terminal", 1, "process.terminal"),
    ("linux.namespaces", [{"path": "/x"}], "linux.namespaces[0].type"), ("ociVersion", 1, "ociVersion"),
    ("ociVersion", "2.0.0", "ociVersion"), ("process.env", ["A"], "process.env[0]"), ("process.cwd", "", "process.cwd"),
    ("hooks.createRuntime", [{"path": "relative"}], "hooks.createRuntime[0]"),
    ("process.oomScoreAdj", 1001, "oomScoreAdj"), ("linux.rootfsPropagation", "nope", "rootfsPropagation"),
    ("process.env", ["A=\u0000"], "process.env[0]"), ("process.args", ["a\u0000b"], "process.args[0]"),
    ("process.oomScoreAdj", 1.5, "oomScoreAdj"), ("hostname", ["x"], "hostname")])
def test_wrong_value_is_told_with_its_place(box, path, value, place):
    one = box("true")
    at(one.config, path, value)
    assert place in one.run().failed(), place
    one.assert_nothing_left()


@pytest.mark.parametrize("path", ["ociVersion", "root", "process.args", "process.cwd"])
def test_missing_required(box, path):
    one = box("true")
    where = one.config
    *parents, last = path.split(".")
    for name in parents:
        where = where[name]
    del where[last]
    assert path in one.run().failed()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"ociVersion": "1.0.2"', "{'a': 1}", "\x00", "{} {}",
                                  '{"a": ' + "[" * 5000 + "]" * 5000 + "}"])
def test_malformed_config(box, text):
    one = box("true")
    one.write(text)
    one.run(write=False).failed("config.json")


def test_malformed_config_tells_the_line(box):
    one = box("true")
    one.write('{\n  "ociVersion": "1.0.2",\n  "process": {\n    "args" ["sh"]\n  }\n}\n')
    said = one.run(write=False).failed("config.json")
    assert re.search(r"\b4\b", said), said


def test_unknown_properties_are_ignored(box):
    one = box("echo", "hello")
    one.config["nope"] = {"deep": [1, None, {}]}
    one.process["later"] = "x"
    one.linux["x-y"] = 1
    assert one.run().ok() == "hello\n"


def test_huge_config(box):
    one = box("true")
    one.config["annotations"] = {f"k{i}": "v" * 1000 for i in range(100000)}
    one.run(timeout=60).failed("config.json")


def test_config_is_a_fifo(box):
    one = box("true")
    os.mkfifo(one.bundle / "config.json")
    one.run(write=False, timeout=2).failed("config.json")


# --- log ---

def test_log_json(box):
    one = box("/no/such")
    log = one.bundle / "log"
    one.options = ["--log", log, "--log-format", "json"]
    done = one.run()
    one.options = []
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines and set(lines[-1]) >= {"level", "msg", "time"}
    assert lines[-1]["level"] == "error" and "/no/such" in lines[-1]["msg"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", lines[-1]["time"])
    assert "/no/such" in done.err


def test_log_text(box):
    one = box("/no/such")
    log = one.bundle / "log"
    log.write_text("kept\n")
    one.options = ["--log", log]
    one.run().failed()
    one.options = []
    first, *rest = log.read_text().splitlines()
    assert first == "kept" and "/no/such" in rest[-1]


def test_log_of_odd_bytes(box):
    one = box('/no/"such\\\n\x01ü')
    log = one.bundle / "log"
    one.options = ["--log", log, "--log-format", "json"]
    one.run().failed()
    one.options = []
    entry = json.loads(log.read_text().splitlines()[-1])
    assert "such" in entry["msg"]


def test_log_warning(box):
    one = box("true")
    one.process["capabilities"]["bounding"].append("CAP_NOPE")
    log = one.bundle / "log"
    one.options = ["--log", log, "--log-format", "json"]
    one.run().ok()
    one.options = []
    assert any(json.loads(line)["level"] == "warning" and "CAP_NOPE" in line for line in log.read_text().splitlines())


def test_wrong_log_format(box):
    call([RUNTIME, "--log-format", "xml", "list"]).failed("xml")


def test_log_that_cannot_be_opened(box):
    one = box("true")
    one.options = ["--log", "/no/such/log"]
    one.run().failed("/no/such/log")
    one.options = []


# --- spec and features ---

def test_spec_runs(box):
    one = box()
    one.runtime("spec", cwd=one.bundle).ok()
    config = json.loads((one.bundle / "config.json").read_text())
    assert config["ociVersion"].startswith("1.") and config["process"]["terminal"] is True
    config["process"].update(terminal=False, args=["echo", "hello"])
    config["linux"]["cgroupsPath"] = one.cgroup
    one.config = config
    assert one.run().ok() == "hello\n"


def test_spec_overwrites_nothing(box):
    one = box()
    (one.bundle / "config.json").write_text("mine")
    one.runtime("spec", "--bundle", one.bundle).failed("config.json", "already")
    assert (one.bundle / "config.json").read_text() == "mine"


def test_features():
    found = json.loads(call([RUNTIME, "features"]).ok())
    assert found["ociVersionMin"] and found["ociVersionMax"] == "1.3.0"
    assert set(found["hooks"]) == {"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                                   "poststop"}
    assert {"ro", "rbind", "tmpcopyup", "nosuid", "rslave"} <= set(found["mountOptions"])
    linux = found["linux"]
    assert {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"} <= set(linux["namespaces"])
    assert "CAP_CHOWN" in linux["capabilities"]
    assert linux["cgroup"]["v1"] and linux["cgroup"]["v2"] and linux["cgroup"]["systemd"]
    assert linux["seccomp"]["enabled"] and "SCMP_ACT_ERRNO" in linux["seccomp"]["actions"]
    assert "SCMP_CMP_MASKED_EQ" in linux["seccomp"]["operators"] and "SCMP_ARCH_X86_64" in linux["seccomp"]["archs"]
    assert linux["apparmor"]["enabled"] is True and linux["selinux"]["enabled"] is True


def test_output_to_a_full_device():
    done = subprocess.run([RUNTIME, "features"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0 and b"space" in done.stderr
