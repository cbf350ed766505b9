"""What the command table promises: help, usage errors, completion, the manual."""
import re
import shutil
import subprocess

import pytest

from engine_place import BIN, TOP

pytestmark = pytest.mark.skipif(not (BIN / "corten").exists(), reason=f"{BIN}/corten is not built")


def _run(*args, **options):
    return subprocess.run([BIN / "corten", *args], capture_output=True, text=True, timeout=20, check=False, **options)


def _commands():
    if not (BIN / "corten").exists():
        return []
    text = _run("--help").stdout
    return [m.group(1) for m in re.finditer(r"^  ([a-z]+(?: [a-z]+)?)  +\S", text.split("Options:")[0], re.M)]


@pytest.mark.parametrize("command", _commands())
def test_each_command_explains_itself(command):
    done = _run(*command.split(), "--help")
    assert done.returncode == 0 and f"Usage: corten {command}" in done.stdout
    done = _run(*command.split(), "--no-such-flag")
    assert done.returncode == 125 and "unknown flag: --no-such-flag" in done.stderr
    for flag in re.findall(r"--([a-z-]+) \S+  ", _run(*command.split(), "--help").stdout):
        done = _run(*command.split(), f"--{flag}")
        assert done.returncode == 125 and "flag needs an argument" in done.stderr, flag


def test_unknown_command():
    done = _run("rnu")
    assert done.returncode == 1 and "did you mean 'run'?" in done.stderr


def test_commands_to_come_are_no_typing_errors():
    done = _run("rename", "x", "y")
    assert done.returncode == 1 and "'rename' is not built yet" in done.stderr


def test_version_needs_no_store():
    assert re.fullmatch(r"corten version \d+\.\d+\.\d+\n", _run("--version").stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid(shell, tmp_path):
    script = _run("--root", tmp_path / "r", "--state", tmp_path / "s", "completion", shell).stdout
    assert "sig-proxy" in script and "import" in script
    if shell == "zsh" or not shutil.which(shell):
        return
    assert subprocess.run([shell, "-n"], input=script, text=True, timeout=20, check=False).returncode == 0


def test_bash_completes(tmp_path):
    script = _run("--root", tmp_path / "r", "--state", tmp_path / "s", "completion", "bash").stdout
    check = script + "\nCOMP_WORDS=(corten run --sig); COMP_CWORD=2; _corten; echo ${COMPREPLY[@]}\n" \
        "COMP_WORDS=(corten image im); COMP_CWORD=2; _corten; echo ${COMPREPLY[@]}\n" \
        "COMP_WORDS=(corten container l); COMP_CWORD=2; _corten; echo ${COMPREPLY[@]}\n" \
        "COMP_WORDS=(corten container ls --no-t); COMP_CWORD=3; _corten; echo ${COMPREPLY[@]}\n" \
        "COMP_WORDS=(corten container run --sig); COMP_CWORD=3; _corten; echo ${COMPREPLY[@]}\n" \
        "COMP_WORDS=(corten --off); COMP_CWORD=1; _corten; echo ${COMPREPLY[@]}\n"
    out = subprocess.run(["bash"], input=check, capture_output=True, text=True, timeout=20, check=False).stdout
    assert out.splitlines() == ["--sig-proxy", "import", "ls list logs", "--no-trunc", "--sig-proxy", "--offline"]


def test_the_manual_is_current():
    assert (TOP / "docs/man/corten.1").read_text() == _run("man").stdout


@pytest.mark.parametrize("group, names", [("image", {"ls", "pull", "save", "rm"}), ("container", {"run", "ls", "rm"}), ("system", {"df", "info"})])
@pytest.mark.parametrize("words", [[], ["--help"]])
def test_a_group_lists_its_commands(group, names, words):
    done = _run(group, *words)
    assert done.returncode == 0 and names <= {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert f"'bogus' is not a command of 'corten {group}'" in _run(group, "bogus").stderr


def test_ordinary_users_are_told_what_to_do():
    done = _run("ps", user=65534)
    assert done.returncode == 1 and "sudo" in done.stderr
