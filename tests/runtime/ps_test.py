"""ps: the host's ps, less what is not the container's; json: the pids."""
import json
import os
import shutil
from pathlib import Path

import pytest
from box import wait_for

needs_ps = pytest.mark.skipif(shutil.which("ps") is None, reason="no ps on this host (Debian: procps)")


@pytest.fixture
def three(box):
    """A container of three processes."""
    one = box("sh", "-c", "sleep 1000 & sleep 1001 & touch /up; wait")
    one.detached()
    wait_for(lambda: len(pids(one)) == 3, "three processes")
    return one


def pids(one):
    return json.loads(one.runtime("ps", "--format", "json", one.id).ok())


def test_json_is_the_pids(three):
    found = pids(three)
    assert three.pid() in found
    names = {Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode() for pid in found}
    assert names == {"sh", "sleep"}


def test_json_form_is_runcs(three):
    assert three.runtime("ps", "-f", "json", three.id).ok() == "[" + ",".join(map(str, pids(three))) + "]\n"


@needs_ps
def test_table_is_the_hosts_ps(three):
    heading, *lines = three.runtime("ps", three.id).ok().splitlines()
    assert "PID" in heading.split() and "PPID" in heading.split(), heading
    column = heading.split().index("PID")
    assert sorted(int(line.split()[column]) for line in lines) == sorted(pids(three))
    assert not any(f" {os.getpid()} " in line for line in lines)


@needs_ps
@pytest.mark.parametrize("words, columns", [(["-o", "pid,comm"], ["PID", "COMMAND"]), (["-e", "-o", "comm,pid"],
                                                                                    ["COMMAND", "PID"]),
                                            (["aux"], None), (["-A", "--format", "pid"], ["PID"])])
def test_options_of_ps(three, words, columns):
    heading, *lines = three.runtime("ps", three.id, *words).ok().splitlines()
    assert columns is None or heading.split() == columns
    column = heading.split().index("PID")
    found = {int(line.split()[column]) for line in lines}
    assert found <= set(pids(three))
    if "-o" not in words[:1]:
        assert found == set(pids(three))


@needs_ps
def test_columns_without_the_pid(three):
    three.runtime("ps", three.id, "-e", "-o", "comm").failed("PID")


@needs_ps
def test_wrong_option_of_ps(three):
    three.runtime("ps", three.id, "--no-such").failed("ps ended with status 1", "option")


def test_no_ps_in_path(three):
    three.runtime("ps", three.id, env={"PATH": "/no/such:/neither"}).failed("no ps in PATH", "procps", "--format json")
    assert json.loads(three.runtime("ps", "-f", "json", three.id, env={"PATH": "/no/such"}).ok())


def test_wrong_format(three):
    three.runtime("ps", "--format", "xml", three.id).failed("xml", "json")


def test_what_has_ended_has_no_processes(box):
    one = box("true")
    one.detached("--keep")
    one.wait_status("stopped")
    assert json.loads(one.runtime("ps", "-f", "json", one.id).ok()) == []


def test_no_such_container(box):
    box("true").runtime("ps", "nobody").failed("nobody", "does not exist", status=1)


def test_processes_of_exec_and_of_a_created_container(box):
    one = box("sleep", "1000")
    one.create().ok()
    assert pids(one) == [one.pid()]
    one.start().ok()
    one.exec("-d", one.id, "sleep", "1002").ok()
    wait_for(lambda: len(pids(one)) == 2, "two processes")
