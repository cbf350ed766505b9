"""Exit codes, the named causes of a failed exec, and what each command says of a wrong call."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import wait_for  # noqa: E402
from engine import BIN, REPO, cli, engine  # noqa: E402,F401

COMMANDS = ["run", "create", "start", "attach", "exec", "ps", "stop", "kill", "wait", "rm", "logs", "inspect", "image ls",
            "image load", "image import", "image save", "image bundle", "image rm", "image tag", "image untag", "image inspect", "image history", "image prune",
            "image tree", "image exists", "image diff", "image verify", "image mount", "image unmount",
            "system df", "info", "version", "completion", "help"]
NEED_ARGUMENTS = ["run", "create", "start", "attach", "exec", "stop", "kill", "wait", "rm", "logs", "inspect", "image import",
                  "image save", "image bundle", "image rm", "image tag", "image untag", "image inspect", "image history", "image tree",
                  "image exists", "image diff", "completion"]


def help_of(command):
    done = subprocess.run([BIN / "corten", *command.split(), "--help"], stdout=subprocess.PIPE, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    return done.stdout


def value_flags(command):
    """The long flags that take a value, by the help text."""
    return re.findall(r"^ .*?(--[a-z-]+) (?=[A-Z\[]|[a-z]+\|)", help_of(command), re.M)


# --- exit codes ---

@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 1", 1), ("exit 125", 125), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 0),
])
def test_status_is_the_containers(cli, script, status):
    # The first process of a PID namespace gets no signal that it does not handle: -9 of its own is lost too.
    if "kill" in script:
        script, status = f"sh -c '{script}; exit 0'; exit $?", 137 if "-9" in script else 143
    assert cli("run", "--rm", "bb", "sh", "-c", script).status == status


def test_status_of_a_signal(cli):
    for name, number in (("KILL", 137), ("SEGV", 139), ("TERM", 143)):
        one = cli.detached("exec sleep 100") if name == "KILL" else cli.detached(
            f"sh -c 'kill -{name} $$; sleep 1'; exit $?")
        if name == "KILL":
            cli("kill", one).ok()
        assert cli("wait", one).ok() == f"{number}\n"
        assert f"Exited ({number})" in cli("ps", "-a", "--no-trunc").ok()
        cli("rm", one).ok()


@pytest.mark.parametrize("command, status, words", [
    ("/absent", 127, ["/absent", "no such file"]), ("absent", 127, ["absent", "not found in $PATH"]),
    ("/srv/no-bit", 126, ["permission denied", "execute"]), ("/srv", 126, ["directory"]),
    ("/srv/no-interpreter", 127, ["/bin/absent", "interpreter"]), ("/srv/crlf", 127, ["carriage return"]),
    ("/srv/foreign", 126, ["exec format error", "machine"]), ("/srv/script/below", 127, ["not a directory"]),
    ("", 127, []),
])
@pytest.mark.parametrize("way", ["run", "exec"])
def test_exec_names_the_cause(cli, way, command, status, words):
    if way == "run":
        done = cli("run", "--rm", "bb", command)
    else:
        done = cli("exec", cli.detached("sleep 100"), command)
    assert done.status == status or (command in ("", "/srv/script/below") and done.status in (125, 126, 127)), done
    for word in words:
        assert word.lower() in done.err.lower(), done


def test_exec_names_a_missing_loader(cli, tmp_path):
    program = tmp_path / "dynamic"
    if "interpreter" not in subprocess.run(["readelf", "-l", "/bin/true"], stdout=subprocess.PIPE, text=True).stdout:
        pytest.skip("/bin/true of the host is no dynamic program")
    shutil.copy("/bin/true", program)
    cli("run", "--rm", "-v", f"{program}:/dynamic", "bb", "/dynamic").failed("ld-linux", "no such file", status=127)


def test_exec_names_a_noexec_mount(cli, tmp_path):
    script = "cp /bin/busybox /t/echo && chmod 755 /t/echo && sleep 100"
    name = cli.detached(script, "--tmpfs", "/t")
    wait_for(lambda: cli("exec", name, "test", "-x", "/t/echo").status in (0, 1) and
             cli("exec", name, "ls", "/t/echo").status == 0, "the copy")
    cli("exec", name, "/t/echo", "x").failed("noexec", status=126)


@pytest.mark.parametrize("words, status", [
    (["run", "absent:1"], 125), (["run", "Not/Valid:::"], 125), (["run", "--name", "a b", "bb"], 125), (["create", "absent:1"], 1),
    (["exec", "absent", "true"], 125), (["start", "absent"], 1), (["stop", "absent"], 1), (["rm", "absent"], 1),
    (["logs", "absent"], 1), (["kill", "absent"], 1), (["wait", "absent"], 1), (["attach", "absent"], 1),
    (["inspect", "absent"], 1), (["image", "rm", "absent"], 1), (["image", "tag", "absent", "x"], 1),
    (["image", "inspect", "absent"], 1), (["image", "import", "/absent"], 1), (["image", "load", "-i", "/absent"], 1),
])
def test_what_is_absent(cli, words, status):
    done = cli(*words, stdin="")
    assert done.status == status and done.err.startswith("corten: ") or words[0] == "inspect", done
    assert "absent" in done.err or "valid" in done.err.lower() or "a b" in done.err, done


def test_rm_f_of_what_is_absent(cli):
    done = cli("rm", "-f", "absent")
    assert done.status == 0 or "absent" in done.err


# --- wrong calls ---

@pytest.mark.parametrize("command", COMMANDS)
def test_help(cli, command):
    done = cli(*command.split(), "--help")
    assert done.ok().startswith(f"Usage: corten {command}" if command != "help" else "Usage: corten") and done.err == ""
    assert max(len(line) for line in done.out.splitlines()) < 160
    short = cli(*command.split(), "-h")
    assert short.status in (0, 125), short


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_flag(cli, command):
    for flag in ("--nonsense", "--nonsense=1", "-Z"):
        done = cli(*command.split(), flag, stdin="")
        assert done.status == (125 if command in ("run", "create", "exec") else done.status) and done.status in (1, 125), done
        assert "unknown" in done.err and flag.split("=")[0].lstrip("-") in done.err and "--help" in done.err, done
        assert done.out == ""


@pytest.mark.parametrize("command", NEED_ARGUMENTS)
def test_no_argument(cli, command):
    done = cli(*command.split(), stdin="")
    assert done.status in (1, 125) and "requires" in done.err and command in done.err, done


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("help", "version", "completion")])
def test_hanging_value(cli, command):
    for flag in value_flags(command):
        done = cli(*command.split(), flag, stdin="")
        assert done.status in (1, 125) and "argument" in done.err and flag in done.err, done
        done = cli(*command.split(), f"{flag}=", stdin="")
        assert done.status in (0, 1, 125) and (done.status == 0 or done.err.startswith("corten: ")), done
    assert value_flags("run"), "the help text names no flag with a value"


@pytest.mark.parametrize("words", [["nonsense"], ["image", "nonsense"], ["--nonsense"], ["--root"], ["--state"], ["-Z"],
                                   ["completion", "nonsense"], ["help", "nonsense"], ["image"], [""], ["run", "--"]])
def test_wrong_calls(cli, words):
    done = cli(*words, stdin="")
    assert done.status in (0, 1, 125) and (done.err.startswith("corten: ") or "Usage" in done.out + done.err), done


def test_long_words_crash_nothing(cli):
    for words in (["run", "x" * 100000], ["run", "--name", "x" * 100000, "bb"], ["rm", "x" * 100000],
                  ["run", "-e", "A=" + "x" * 120000, "bb", "true"], ["x" * 100000], ["exec", "x" * 100000, "true"],
                  ["run", "--hostname", "h" * 70, "bb", "true"], ["run", "-w", "/" + "w" * 5000, "bb", "true"],
                  ["run", "--label", "l" * 100000 + "=x", "bb", "true"], ["image", "tag", "bb", "y" * 100000],
                  ["run", "-u", "u" * 100000, "bb", "true"], ["ps", "--filter", "f" * 100000],
                  ["run", "\x1b[31mred", "true"], ["run", "--name", "\udcff", "bb"], ["run", "-e", "A=\udcff", "bb", "true"]):
        done = cli(*words, stdin="")
        assert 0 <= done.status <= 127, done.err[:300]
        assert "\x1b" not in done.err, "a control character reaches the terminal"


# --- about itself ---

def test_completion(cli, tmp_path):
    for shell in ("bash", "zsh", "fish"):
        text = cli("completion", shell).ok()
        assert "corten" in text and "exec" in text
        if shutil.which(shell):
            (tmp_path / shell).write_text(text)
            subprocess.run([shell, "-n", tmp_path / shell], check=True)


def test_version(cli):
    assert re.search(r"\d+\.\d+\.\d+", cli("version").ok()) and re.search(r"\d+\.\d+\.\d+", cli("--version").ok())
    assert cli("-v").ok() == cli("--version").ok()


def test_manual_page_names_every_command():
    folder = REPO / "docs" / "man"
    assert folder.is_dir(), "docs/man has no manual page"
    text = "".join(p.read_text() for p in folder.iterdir()).replace("\\-", "-")
    for command in COMMANDS:
        assert re.search(rf"\b{command.split()[-1]}\b", text), command
    for command in COMMANDS:
        for flag in re.findall(r"--[a-z][a-z-]+", help_of(command)):
            assert flag in text, (command, flag)


def test_needed_libraries():
    if os.environ.get("CORTEN_SANITIZED"):
        pytest.skip("a sanitized build needs the sanitizers' libraries")
    told = subprocess.run(["readelf", "-d", BIN / "corten"], stdout=subprocess.PIPE, text=True, check=True).stdout
    needed = {word.split(".so")[0] for word in re.findall(r"NEEDED.*\[(.*)\]", told)}
    assert needed == {"libc", "libsqlite3"}, needed
    for name in ("corten-runtime", "corten-monitor", "corten-init", "corten-os-init"):
        told = subprocess.run(["readelf", "-dl", BIN / name], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert "NEEDED" not in told and "INTERP" not in told, name


# --- where things are ---

def test_root_and_state_by_flag_and_variable(cli, tmp_path):
    done = cli("--root", tmp_path / "r", "--state", tmp_path / "s", "image", "ls", "-q")
    assert done.ok() == "" and cli("image", "ls", "-q").ok() != ""
    assert cli("image", "ls", "-q", env={"CORTEN_ROOT": str(tmp_path / "r2"), "CORTEN_STATE": str(tmp_path / "s2")}).ok() == ""
    told = cli(f"--root={tmp_path}/r", f"--state={tmp_path}/s", "info").ok()
    assert f"{tmp_path}/r" in told and f"{tmp_path}/s" in told
    assert str(cli.root) in cli("info").ok()
    done = cli("--root", "relative", "info", cwd=tmp_path)
    assert done.status in (0, 1, 125)


def test_configuration_of_a_user(cli, tmp_path):
    (tmp_path / "corten").mkdir()
    (tmp_path / "corten" / "corten.conf").write_text(f"# mine\n\nroot = {tmp_path}/r\nstate={tmp_path}/s\n")
    env = {k: v for k, v in cli.env.items() if k not in ("CORTEN_ROOT", "CORTEN_STATE")}
    env["XDG_CONFIG_HOME"] = str(tmp_path)
    told = subprocess.run(cli.argv("info"), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert f"Root: {tmp_path}/r\n" in told.stdout and f"State: {tmp_path}/s\n" in told.stdout, told
    assert str(cli.root) in cli("info", env={"XDG_CONFIG_HOME": str(tmp_path)}).ok(), "the variable beats the file"
    (tmp_path / "corten" / "corten.conf").write_text("nonsense = 1\nno equals sign\n")
    done = cli("info", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert done.status == 0 and "nonsense" in done.err or done.status != 0 and "corten.conf" in done.err, done


def test_configuration_of_the_machine_and_its_drop_ins(cli, tmp_path):
    """In a mount namespace whose /etc/corten is the test's."""
    etc = tmp_path / "etc"
    (etc / "corten.conf.d").mkdir(parents=True)
    (etc / "corten.conf").write_text(f"root = {tmp_path}/machine\nstate = {tmp_path}/state\n")
    (etc / "corten.conf.d" / "10-first.conf").write_text(f"root = {tmp_path}/first\n")
    (etc / "corten.conf.d" / "20-second.conf").write_text(f"root = {tmp_path}/second\n")
    (etc / "corten.conf.d" / "30-not.txt").write_text(f"root = {tmp_path}/not\n")
    env = {k: v for k, v in cli.env.items() if k not in ("CORTEN_ROOT", "CORTEN_STATE")}
    env["XDG_CONFIG_HOME"] = str(tmp_path / "nothing")
    lower = f"mount --make-rprivate /; mkdir {tmp_path}/u {tmp_path}/w {tmp_path}/l; mkdir {tmp_path}/l/corten; " \
            f"cp -r {etc}/. {tmp_path}/l/corten; mount -t overlay o -o lowerdir={tmp_path}/l:/etc /etc && exec \"$0\" info"
    done = subprocess.run(["unshare", "-m", "sh", "-c", lower, str(BIN / "corten")], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    assert f"Root: {tmp_path}/second\n" in done.stdout and f"State: {tmp_path}/state\n" in done.stdout, done
