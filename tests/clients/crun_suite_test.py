"""crun's own tests, out of Debian's source package, against the runtime under test and against crun itself.

crun_suite.list says how each ends with crun and with the runtime under test (pass, skip, fail; pass/fail where crun
wavers), and why where not both pass. A result that is not the listed one fails, in either direction. CRUN_SUITE_KEEP names a file to write the results to, in the list's form.
"""
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from place import PEERS, REPO, cgroup_folders, remove_cgroup, runtime_under_test

ROOT = PEERS / "crun-suite"
LIST = Path(__file__).with_name("crun_suite.list")
# What may have skipped on control groups of version 1 because it is about version 2.
ABOUT_V2 = re.compile(r"resources/")
# These mostly wait, for half a minute and more: they run beside the others.
SLOW = ("start/sd-notify-proxy", "seccomp/seccomp-listener")
# What excuses a test that crun passes and the runtime under test does not; and one that crun fails.
PRIVATE, MACHINE, PENDING = "crun's own way:", "not here:", "not built yet:"
LIMIT_S = 400


def read_list():
    """{test: (crun's verdict, the other's, reason)}"""
    found = {}
    for line in LIST.read_text().splitlines():
        line, _, reason = line.partition("#")
        if line.strip():
            test, crun, other = line.split()
            assert test not in found, f"{LIST.name}: '{test}' is there twice"
            found[test] = (crun, other, reason.strip())
    return found


LISTED = read_list()


def make_init(folder):
    """crun's helper that is every program of its containers."""
    (folder / "config.h").write_text("#define HAVE_ERROR_H 1\n#define HAVE_SECCOMP 1\n#define HAVE_LINUX_IOPRIO_H 1\n")
    subprocess.run(["gcc", "-w", "-O1", "-static", f"-I{folder}", "-o", folder / "init",
                    ROOT / "suite" / "tests" / "init.c", "-lseccomp"], check=True)


ADAPTER = r"""#!/bin/sh
# The tests ask the version's text what was built in: answered as crun does, so that none skips for that.
case " $* " in *" --version "*) {runtime} --version; crun --version | grep "^+"; exit ;; esac
# To a user namespace without mappings crun gives every id; the specification and runc want them named.
if [ -e config.json ] && grep -q '"type": "user"' config.json && ! grep -q idMappings config.json; then
	every='[{{"containerID": 0, "hostID": 0, "size": 4294967295}}]'
	sed -i "s/\"linux\": {{/&\"uidMappings\": $every, \"gidMappings\": $every, /" config.json
fi
# Most tests keep an error to themselves: the driver reads it here.
exec {runtime} --log /scratch/log "$@"
"""


def run_suite(folder, which, view, tests, name):
    """{test: {verdict, text, seconds}} of one runtime under one view of the control groups; of all tests but -TEST."""
    scratch = folder / f"{which}-{name}"
    (scratch / "tmp").mkdir(parents=True)
    (scratch / "tmp").chmod(0o1777)
    scratch.chmod(0o755)
    shutil.copy2(folder / "init", scratch / "init")
    for part in ("driver", "libmount"):
        shutil.copy2(Path(__file__).with_name(f"crun_suite_{part}.py"), scratch / f"{part}.py")
    host, inside, _ = runtime_under_test()
    binds = ["--bind", f"{scratch}:/scratch", "--bind", f"{scratch}/tmp:/tmp"]
    program = "/usr/bin/crun"
    if which == "tested":
        if host:
            binds += ["--ro-bind", f"{host}:{inside}"]
        program = "/scratch/adapter"
        (scratch / "adapter").write_text(ADAPTER.format(runtime=inside))
        (scratch / "adapter").chmod(0o755)
    group = f"corten-suite-{os.getpid()}-{which}-{name}"
    try:
        done = subprocess.run([REPO / "tools" / "in-peer-root", "--net", "--pid", "--own-cgroup", group, "--cgroup", view, *binds,
                               ROOT, "python3", "/scratch/driver.py", program, "/scratch/results.json", *tests],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT_S, check=False)
    finally:
        for top in cgroup_folders(group):
            remove_cgroup(top)
    assert done.returncode == 0 and (scratch / "results.json").exists(), (
        f"the suite did not run to its end with {which} on {view}: status {done.returncode}\n{done.stdout[-3000:]}")
    return json.loads((scratch / "results.json").read_text())


def run_views(folder, which):
    """Everything on version 1, then on version 2 what has to do with it and skipped."""
    found = run_suite(folder, which, "legacy", [f"-{test}" for test in SLOW], "v1")
    again = [test for test, one in found.items() if one["verdict"] == "skip" and ABOUT_V2.match(test)]
    found.update((f"{test}@v2", one) for test, one in run_suite(folder, which, "v2", again, "v2").items())
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    assert (ROOT / ".complete").exists(), f"no suite in '{ROOT}': run tools/peers"
    folder = tmp_path_factory.mktemp("crun-suite")
    folder.chmod(0o755)
    make_init(folder)
    with ThreadPoolExecutor(2 * (1 + len(SLOW))) as pool:
        jobs = {which: [pool.submit(run_views, folder, which),
                        *(pool.submit(run_suite, folder, which, "legacy", [test], test.partition("/")[2]) for test in SLOW)]
                for which in ("crun", "tested")}
        found = {which: {test: one for part in parts for test, one in part.result().items()} for which, parts in jobs.items()}
    if os.environ.get("CRUN_SUITE_KEEP"):
        keep(found, Path(os.environ["CRUN_SUITE_KEEP"]))
    return found


def keep(found, path):
    lines = []
    for test in sorted({*found["crun"], *found["tested"]}):
        verdicts = [found[which].get(test, {"verdict": "absent"})["verdict"] for which in ("crun", "tested")]
        reason = LISTED.get(test, ("", "", ""))[2]
        lines.append(f"{test:60} {verdicts[0]:5} {verdicts[1]:5} {'# ' + reason if reason else ''}".rstrip())
    path.write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(json.dumps(found, indent=1))


@pytest.mark.parametrize("test", LISTED)
def test_as_listed(results, test):
    for which, listed in zip(("crun", "tested"), LISTED[test]):
        one = results[which].get(test, {"verdict": "absent", "text": "the suite has no such test"})
        assert one["verdict"] in listed.split("/"), f"{which}: {one['verdict']}, listed as {listed}\n{one['text']}"


def test_none_is_unlisted(results):
    assert {*results["crun"], *results["tested"]} == {*LISTED}


def test_excuses():
    """Whoever does not pass says why: this machine excuses nobody where crun passes."""
    for test, (crun, other, reason) in LISTED.items():
        if other != "pass":
            excuses = (PRIVATE, PENDING) if crun == "pass" else (PRIVATE, MACHINE)
            assert reason.startswith(excuses), f"{test}: {reason!r}"
        elif crun != "pass":
            assert reason, f"{test}: crun does not pass it, and no reason is given"
