"""The checks must be able to fail: each is shown something wrong, and its good twin."""
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checklib import csource, frame, leftovers, processes, skips, sources

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path
    return write


LAYERS = {"base": set(), "kern": {"base"}, "oci": {"base"}, "monitor": {"base", "kern", "monitor/wire"},
          "monitor/wire": {"base"}}


def layer_problems(root):
    return list(sources.layer_problems(root, LAYERS))


@pytest.mark.parametrize("file, include, wrong", [
    ("src__kern__a_dot_c", "base/err.h", False),
    ("src__kern__a_dot_c", "kern/ns/ns.h", False),
    ("src__kern__a_dot_c", "oci/config.h", True),
    ("src__base__a_dot_h", "kern/a.h", True),
    ("src__monitor__wire__a_dot_c", "monitor/wire/a.h", False),
    ("src__monitor__wire__a_dot_c", "monitor/log.h", True),
    ("src__monitor__wire__a_dot_c", "kern/a.h", True),
    ("src__monitor__a_dot_c", "monitor/wire/a.h", False),
    ("src__kern__a_dot_c", "local.h", True),
    ("src__attic__a_dot_c", "base/err.h", True),
    ("programs__corten_dot_c", "oci/config.h", False),
])
def test_layers(tree, file, include, wrong):
    root = tree(**{file: f'/* #include "x/y.h" */\n#include "{include}"\n'})
    assert bool(layer_problems(root)) == wrong


def test_layers_file_itself():
    assert list(sources.layers_consistent({"a": {"b"}, "b": {"a"}}))
    assert list(sources.layers_consistent({"a": {"nowhere"}}))
    assert not list(sources.layers_consistent(LAYERS))


FUNCTION = """static int
add_things(struct thing *a, int (*each)(int, int), const char *text, ...)
{
	const char *brace = "}";
	/* }
	} */
	return 0;
}
"""


def test_functions_are_found():
    found, = csource.functions("#include <x.h>\n\nstruct thing {\n\tint a;\n};\n\n" + FUNCTION)
    assert (found.name, found.line, found.lines, found.parameters) == ("add_things", 7, 8, 3)
    other, = csource.functions("TEST(it_works)\n{\n}\n")
    assert (other.name, other.parameters) == ("it_works", 0)
    attributed, = csource.functions("__attribute__((noreturn)) static void end_it(void)\n{\n}\n")
    assert (attributed.name, attributed.parameters) == ("end_it", 0)


def test_sizes(tree):
    long = "int f(void)\n{\n" + "\tg();\n" * 98 + "}\n"
    root = tree(src__base__a_dot_c=long, src__base__b_dot_c="int x;\n" * 1001,
                src__base__c_dot_c="int f(int a, int b, int c, int d, int e, int f, int g, int h, int i)\n{\n}\n")
    over = {(name, what) for name, _, what, value, _, maximum in sources.size_findings(root) if value > maximum}
    assert over == {("src/base/a.c", "lines in f()"), ("src/base/b.c", "lines in the file"),
                    ("src/base/c.c", "parameters of f()")}


@pytest.mark.parametrize("text, wrong", [
    ("strcpy(a, b);", True), ("my_strcpy(a, b);", False), ("x = \"strcpy(\";", False), ("/* atoi() */", False),
    ("ops->open(a);", False), ("int mount(int a);", False), ("return mount(a, b);", True), ("open(path, 0);", True),
    ("openat(AT_FDCWD, p, 0);", True), ("openat(dir, p, 0);", False), ("openat(fd_of(a, b), p, 0);", False),
    ("open(\"/dev/null\", 0);", False), ("openat(AT_FDCWD, \"/\", 0);", False), ("open(\"/etc/x\", 0);", True),
    ("mount(\".\", \"/\", 0, 0, 0);", True), ("if (chown(p, 0, 0) < 0)", True), ("fchownat(dir, p, 0, 0, 0);", False), ("system(\"ls\");", True),
])
def test_calls(tree, text, wrong):
    root = tree(src__base__a_dot_c=f"void f(void)\n{{\n\t{text}\n}}\n")
    assert bool(list(sources.call_problems(root, [], set()))) == wrong


def test_path_owners(tree):
    root = tree(src__kern__mount__legacy_dot_c="void f(void)\n{\n\tmount(a);\n\tunlink(b);\n}\n",
                src__kern__mount__legacy_test_dot_c="void f(void)\n{\n\tunlink(b);\n}\n")
    used = set()
    problems = list(sources.call_problems(root, [(["mount"], "src/kern/mount/*")], used))
    assert len(problems) == 1 and "unlink" in problems[0] and used == {0}


def test_path_owner_needs_a_reason(tree):
    root = tree(owners="mount src/x.c\n")
    with pytest.raises(frame.CheckFailed):
        sources.read_path_owners(root / "owners")


def test_spelling(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "REPO", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Title\nThe behavior of the the\n```\ncolor\n```\n`initialize()` and set_color, [a](gone.md)\n")
    problems = list(sources.spelling_problems([page]))
    assert len(problems) == 2 and all("page.md:2" in problem for problem in problems)
    assert len(list(sources.link_problems([page]))) == 1


def test_python_names(tree, monkeypatch):
    root = tree(good_dot_py="from os import sep  # noqa: F401\n\n\ndef use(sep):\n    return sep\n",
                bad_dot_py="import sys\n\n\ndef use():\n    return absent()\n")
    monkeypatch.setattr(sources, "REPO", root)
    assert not list(sources.python_problems([root / "good.py"]))
    assert list(sources.python_problems([root / "bad.py"])) == [
        "bad.py:1: 'sys' imported but unused", "bad.py:5: undefined name 'absent'"]


def test_output_is_counted():
    def count(text, status=0):
        result = frame.Result("unit")
        frame.count_test_output(result, "room/x", text, status)
        return result.passed, result.failed, len(result.skips)

    assert count("3 passed, 0 failed\n") == (3, 0, 0)
    assert count("FAIL a\n1 passed, 2 failed\n", 1) == (1, 2, 0)
    assert count("SKIP a: no cgroups\n3 passed, 0 failed\n") == (2, 0, 1)
    assert count("SKIP a: no cgroups\n2 passed, 0 failed, 1 skipped\n") == (2, 0, 1)
    assert count("Segmentation fault\n", 139) == (0, 1, 0)
    assert count("1 passed, 0 failed\n", 1) == (1, 1, 0)
    assert count("nothing at all\n") == (0, 1, 0)


def test_only_expected_skips_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(skips, "LIST", tmp_path / "expected")
    (tmp_path / "expected").write_text("# comment\nunit/room/* # the machine lacks it\n")
    result = frame.Result("unit")
    result.skip("room/a", "why")
    result.skip("other/b", "why")
    skips.judge(result)
    assert (len(result.skips), result.failed) == (1, 1)
    (tmp_path / "expected").write_text("lacks unit/room/sub/prog_test/a* # emulated\n")
    assert skips.to_make("unit") == "room_sub-prog_test/a*" and skips.to_make("other") == ""
    result = frame.Result("unit")
    result.skip("room/sub/prog_test/abc", "named in CORTEN_TEST_SKIP")
    skips.judge(result)
    assert result.skips == [("room/sub/prog_test/abc", "emulated")]
    (tmp_path / "expected").write_text("unit/room/*\n")
    with pytest.raises(frame.CheckFailed):
        skips.judge(result)


def test_leftovers(monkeypatch):
    monkeypatch.setattr(leftovers, "cgroups", set)
    before = leftovers.snapshot()
    assert leftovers.mounts() and not leftovers.since(before, patience_s=1.0)
    assert leftovers.since(before - {next(iter(before))}, patience_s=0)


def run_apart(body):
    """Runs a body as a stage's first process does; returns what it left behind."""
    script = ("import sys, time, os, subprocess; sys.path.insert(0, sys.argv[1]);"
              "from checklib import leftovers, processes; leftovers.cgroups = set;"
              f"print(processes.be_first(lambda: {body}))")
    done = subprocess.run(processes.wrapped([sys.executable, "-c", script, str(REPO / "tools")]), timeout=30, check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_a_stage_cannot_signal_its_surroundings():
    witness = subprocess.Popen(["sleep", "100"])
    try:
        assert "signal 9" in run_apart("subprocess.run([sys.executable, '-c', 'import os; os.kill(-1, 9)'])")
        assert witness.poll() is None
    finally:
        witness.kill()
        witness.wait()


def test_what_outlives_a_stage_is_named_and_ended():
    assert run_apart("None") == "[]\n"
    assert "sleep 98765" in run_apart("subprocess.Popen(['setsid', 'sleep', '98765'])")
    assert not subprocess.run(["pgrep", "-f", "^sleep 98765"], stdout=subprocess.PIPE, check=False).stdout


def test_a_stage_with_a_verdict_is_not_waited_for():
    child = subprocess.Popen(["sleep", "97"])
    try:
        assert not processes.wait(child, 60, lambda: True, grace_s=0.2)
        assert not processes.wait(child, 0.2, lambda: False)
    finally:
        child.kill()
    assert processes.wait(child, 60, lambda: False) and child.returncode == -9


def test_a_stage_can_be_stopped():
    script = ("import subprocess, sys, time; sys.path.insert(0, sys.argv[1]); from checklib import processes;"
              "processes.be_first(lambda: (subprocess.Popen(['setsid', 'sleep', '98764']), time.sleep(98764)))")
    child = subprocess.Popen(processes.wrapped([sys.executable, "-c", script, str(REPO / "tools")]))
    running = ["pgrep", "-f", "^sleep 98764"]
    end = time.monotonic() + 10
    while subprocess.run(running, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    processes.stop(child)
    end = time.monotonic() + 10
    while subprocess.run(running, stdout=subprocess.DEVNULL, check=False).returncode == 0:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_mount_left_is_named():
    assert "mount /mnt (tmpfs)" in run_apart("subprocess.run(['mount', '-t', 'tmpfs', 'x', '/mnt'])")


@pytest.mark.parametrize("files, answer", [
    ({"sources.list": "# deb http://x/ bookworm main\ndeb [signed-by=/k] http://mirror/debian/ bookworm main contrib\n"},
     "http://mirror/debian bookworm"),
    ({"sources.list.d/debian.sources": "Types: deb deb-src\n# URIs: http://no\nURIs: https://m/d\n"
      "Suites: bookworm-updates bookworm\nComponents: main\n\nTypes: deb\nURIs: http://security\n"
      "Suites: bookworm-security\nComponents: main\n"}, "https://m/d bookworm"),
    ({"sources.list.d/a.sources": "Types: deb\nEnabled: no\nURIs: http://off\nSuites: bookworm\nComponents: main\n",
      "sources.list.d/b.list": "deb http://third/party cloud-bookworm main\n"}, ""),
])
def test_debian_source(tmp_path, files, answer):
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run([REPO / "tools" / "debian-source", tmp_path], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={"CODENAME": "bookworm"})
    assert done.stdout.strip() == answer
    assert (done.returncode == 0) == bool(answer) and bool(done.stderr) == (not answer)
