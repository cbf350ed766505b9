"""What all commands share: global options, help, completion, exit codes; list, spec, checkpoint."""
import json
import os
import re

import pytest
from box import REPO, RUNTIME, call

COMMANDS = """checkpoint create delete events exec features kill list pause ps restore resume run spec start state
update completion""".split()


def options_of(*words):
    """The long options that a help text lists."""
    return re.findall(r"^\s+(?:-\w, |    )--([a-z0-9-]+)", call([RUNTIME, *words, "--help"]).ok(), re.M)


# --- help and exit codes ---

def test_help_lists_every_command():
    done = call([RUNTIME, "--help"])
    assert re.findall(r"^  (\w+) ", done.ok().split("Commands:")[1].split("Global options:")[0], re.M) == COMMANDS
    assert done.err == "" and call([RUNTIME]).ok() == done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    done = call([RUNTIME, command, "--help"])
    assert f"Usage: corten-runtime {command}" in done.ok() and done.err == ""
    assert "help" in options_of(command)


@pytest.mark.parametrize("words, status", [
    (["nope"], 1), (["--nope"], 1), (["list", "--nope"], 1), (["state"], 1), (["exec"], 1), (["exec", "--nope", "x"], 1),
    (["exec", "nobody", "true"], 255), (["exec", "nobody"], 255), (["delete", "nobody"], 1), (["kill", "nobody"], 1),
    (["run", "nobody", "--bundle", "/no/such"], 1), (["--rootless", "maybe", "list"], 1),
    (["--log-level", "loud", "list"], 1), (["--log-format", "xml", "list"], 1), (["completion", "csh"], 1)])
def test_exit_codes_are_runcs(words, status):
    done = call([RUNTIME, *words])
    assert done.status == status and done.out == "" and done.err.startswith("corten-runtime: "), done


def test_options_may_follow_the_operand(box):
    one = box("sleep", "1000")
    one.detached()
    one.runtime("delete", one.id, "--force").ok()
    assert one.runtime("state", one.id).status == 1
    one.runtime("delete", "--", one.id, "--force").failed("delete needs")


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_what_is_not_built_says_so(box, command):
    one = box("true")
    one.runtime(command, "--image-path", "/tmp/x", one.id).failed(command, "not built yet", status=1)
    assert "not built yet" in one.runtime(command, "--help").ok()
    assert "checkpoint" not in one.runtime("features").ok()


# --- log ---

def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("words", [["--debug"], ["--log-level", "debug"]])
def test_debug_tells_each_step(box, words):
    one = box("true")
    log = one.bundle / "log"
    one.options = [*words, "--log", log, "--log-format", "json"]
    done = one.run()
    one.options = []
    assert done.ok() == "" and done.err == ""
    said = [line["msg"] for line in lines_of(log) if line["level"] == "debug"]
    assert all(set(line) == {"level", "msg", "time"} for line in lines_of(log))
    for word in ("run: state in", "load the configuration", "make the cgroup", "clone the first process",
                 "mount the root", "enter the root", "find the payload"):
        assert any(word in line for line in said), (word, said)
    assert not any("level=debug" in path.read_text(errors="replace") for path in one.root.glob("*") if path.is_file())


def test_debug_goes_to_standard_error_without_a_log(box):
    one = box("true")
    one.options = ["--debug"]
    done = one.run()
    one.options = []
    assert done.ok() == "" and "level=debug" in done.err and "mount the root" in done.err


def test_debug_of_exec(box):
    one = box("sleep", "1000")
    one.detached()
    one.options = ["--debug"]
    assert "level=debug" in one.inside("true").err
    one.options = []
    assert one.inside("true").err == ""


def test_log_keeps_no_place_among_preserved_descriptors(box):
    one = box("ls", "/proc/self/fd")
    log = one.bundle / "log"
    one.options = ["--debug", "--log", log]
    one.run("--preserve-fds", "1").failed("descriptor 3 is not open")
    assert one.run().ok().split() == ["0", "1", "2", "3"]  # 3: the folder that ls reads
    one.options = []


def test_warnings_by_level(box):
    one = box("true")
    one.process["capabilities"]["bounding"].append("CAP_NOPE")
    assert "CAP_NOPE" in one.run().err
    one.options = ["--log-level", "error"]
    assert one.run().err == ""
    log = one.bundle / "log"
    one.options = ["--log", log]
    assert one.run().err == "" and "level=warning" in log.read_text()
    one.options = []


def test_clamp_rlimits_as_a_global_option(box):
    one = box("sh", "-c", "ulimit -Hn")
    one.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 1 << 30}]
    one.options = ["--clamp-rlimits"]
    done = one.run()
    one.options = []
    assert int(done.ok()) < 1 << 30 and "RLIMIT_NOFILE" in done.err


# --- where the state is ---

def test_root_of_a_user_is_in_the_session_folder(box):
    one = box("true")
    session = one.bundle / "session"
    session.mkdir()
    os.chown(session, 1000, 1000)
    for folder in (one.bundle, one.bundle.parent, one.bundle.parent.parent):
        folder.chmod(0o755)
    done = call(["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "env",
                 f"XDG_RUNTIME_DIR={session}", RUNTIME, "list"])
    assert done.ok().startswith("ID ")
    made = session / "corten-runtime"
    assert made.stat().st_mode & 0o7777 == 0o1700 and made.stat().st_uid == 1000


def test_root_of_root_is_not(box, tmp_path):
    call([RUNTIME, "list"], env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}).ok()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["true", "false", "auto"])
def test_rootless_values(box, value):
    one = box("echo", "hello")
    one.options = ["--rootless", value]
    assert one.run().ok() == "hello\n"
    one.options = []


# --- list ---

def test_list_has_runcs_keys_in_order(box):
    first, second = box("sleep", "1000"), box("sleep", "1000")
    second.config["annotations"] = {"a": "b"}
    second.detached()
    first.create().ok()
    rows = json.loads(first.runtime("list", "--format", "json").ok())
    assert [row["id"] for row in rows] == sorted([first.id, second.id])
    by_id = {row["id"]: row for row in rows}
    assert list(by_id[second.id]) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations",
                                      "owner"]
    assert list(by_id[first.id]) == [key for key in by_id[second.id] if key != "annotations"]
    assert by_id[first.id]["owner"] == "root" and by_id[first.id]["rootfs"] == str(first.root)


def test_list_table_is_aligned_as_runcs(box):
    one = box("sleep", "1000")
    one.detached()
    heading, line = one.runtime("list").ok().splitlines()
    assert heading.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    at = [heading.index(word) for word in heading.split()]
    cells = line.split()
    assert [line.index(cell, start) for cell, start in zip(cells, at)] == at
    assert at[1] == max(12, len(one.id) + 3) and heading.endswith("OWNER") and line.endswith("root")


def test_list_of_a_folder_that_is_not_there(box):
    box("true").runtime("--root", "/no/such/folder", "list")
    call([RUNTIME, "--root", "/no/such/folder", "list"]).failed("/no/such/folder")


# --- spec ---

def test_spec_is_complete(box):
    one = box("true")
    one.runtime("spec", "--bundle", one.bundle).ok()
    config = json.loads((one.bundle / "config.json").read_text())
    assert config["process"]["user"] == {"uid": 0, "gid": 0}
    kinds = [space["type"] for space in config["linux"]["namespaces"]]
    assert kinds[:5] == ["pid", "network", "ipc", "uts", "mount"]


def test_spec_rootless(box):
    one = box("true")
    one.runtime("spec", "--rootless", cwd=one.bundle).ok()
    config = json.loads((one.bundle / "config.json").read_text())
    kinds = [space["type"] for space in config["linux"]["namespaces"]]
    assert "user" in kinds and "network" not in kinds
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]
    assert config["linux"]["gidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]
    assert "resources" not in config["linux"]
    sys = next(mount for mount in config["mounts"] if mount["destination"] == "/sys")
    assert sys["type"] == "none" and sys["source"] == "/sys" and "rbind" in sys["options"]
    assert not any(option.startswith(("gid=", "uid=")) for mount in config["mounts"]
                   for option in mount.get("options", []))


# --- completion and the manual ---

@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_everything(shell):
    text = call([RUNTIME, "completion", shell]).ok()
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text), command
        for option in options_of(command):
            assert f"--{option}" in text or f"-l {option}" in text, (command, option)


@pytest.mark.parametrize("line, wanted", [
    ("corten-runtime ru", "run"), ("corten-runtime --log-format j", "json"), ("corten-runtime run --det", "--detach"),
    ("corten-runtime --root /x list --qu", "--quiet"), ("corten-runtime list -f t", "table"),
    ("corten-runtime --deb", "--debug")])
def test_completion_in_bash(tmp_path, line, wanted):
    script = tmp_path / "completion"
    script.write_text(call([RUNTIME, "completion", "bash"]).ok())
    words = line.split(" ")
    done = call(["bash", "-c", f". {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
                               "_corten_runtime; echo ${COMPREPLY[*]}"])
    assert done.ok().split() == [wanted]


def test_manual_names_everything():
    page = (REPO / "docs" / "man" / "corten-runtime.8").read_text()
    text = re.sub(r"\\f[A-Z]", "", page).replace("\\-", "-")
    assert all(f"--{option}" in text for option in options_of())
    for command in COMMANDS:
        part = re.search(rf"^\.SS {command}\b.*?(?=^\.SS |^\.SH )", text, re.M | re.S)
        assert part, f"the manual lacks the command {command}"
        for option in options_of(command):
            assert option == "help" or f"--{option}" in part[0], f"the manual lacks {command} --{option}"
        for option in re.findall(r"^(?:-\w, )?--([a-z0-9-]+)", part[0], re.M):
            assert option in options_of(command), f"the manual has {command} --{option}, which is gone"

