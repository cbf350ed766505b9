"""Stages that run tests."""
import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from . import builds, skips
from .frame import (BUILD, LOGS, JOBS, REPO, SKIP_LINE, CheckFailed, count_test_output, output, run)

SHIPPED = ("corten", "corten-image", "corten-remote", "corten-runtime", "corten-monitor", "corten-init", "corten-os-init")
ASAN = {"ASAN_OPTIONS": "abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
FUZZ_RUNS, FUZZ_TIME_S = 20000, 30
AREA_FILES_MAX = 6
FEWER = {"CORTEN_RACE_SWAPS": "3000", "CORTEN_KILLS": "10"}  # what chance decides is tried by the shipped programs


def run_unit_tests(result, folder, extra_env=None, scale=1):
    """Every unit test of a build folder through meson, its cases counted."""
    tests = builds.unit_tests(folder)
    if not tests:
        raise CheckFailed(f"{folder} has no unit test: nothing was checked")
    status = run(["meson", "test", "-C", folder, "--suite", "unit", "--no-rebuild", "--timeout-multiplier",
                  scale, "--print-errorlogs"],
                 env={**os.environ, "CORTEN_TEST_SKIP": skips.to_make(result.stage), **(extra_env or {})})
    log = folder / "meson-logs" / "testlog.json"
    ran = set()
    for line in log.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].rpartition(" ")[2]
        ran.add(name)
        text = test.get("stdout", "") + test.get("stderr", "")
        if test["result"] in ("OK", "FAIL"):
            count_test_output(result, name, test.get("stdout", ""), test["returncode"])
        elif test["result"] == "SKIP":
            why = SKIP_LINE.search(text)
            result.skip(name, why[2] if why else text.strip()[-200:] or "no reason given")
        else:
            result.fail(name, f"{test['result'].lower()} (status {test['returncode']})")
    if len(ran) < len({name for name, _ in tests}):
        result.fail("unit tests", f"only {len(ran)} of {len(tests)} ran")
    if status != 0 and not result.failed:
        result.fail("unit tests", f"meson test ended with status {status}")


def unit_stage(result):
    run_unit_tests(result, builds.build("dev"))


def unit_static_stage(result):
    run_unit_tests(result, builds.build("static"))


def unit_asan_stage(result):
    run_unit_tests(result, builds.build("asan"), ASAN, scale=3)


def aarch64_stage(result):
    run_unit_tests(result, builds.build("aarch64"), scale=8)


def valgrind_stage(result):
    """Rooms whose tests make no system call that valgrind lacks (openat2, clone3, the mount family)."""
    folder = builds.build("dev")
    rooms = ("base/", "oci/", "monitor/wire/", "kern/seccomp/")
    tests = [(name, cmd) for name, cmd in builds.unit_tests(folder) if name.startswith(rooms)]
    if not tests:
        raise CheckFailed("no unit test of base or oci: nothing was checked")
    unwanted = skips.to_make(result.stage)

    def check(test):
        name, cmd = test
        return name, *output(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                              "--errors-for-leak-kinds=definite", "--child-silent-after-fork=yes", *cmd],
                             env={**os.environ, "CORTEN_TEST_SKIP": unwanted})

    with ThreadPoolExecutor(int(JOBS)) as pool:
        for name, status, text in pool.map(check, tests):
            text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))  # unknown calls
            print(f"== {name}\n{text}")
            if status == 9:
                result.fail(name, "valgrind found an error")
            else:
                count_test_output(result, name, text, status)


def fuzz_stage(result):
    """Each target: its seeds, then a fixed number of inputs made from them."""
    folder = builds.build("fuzz", tests=False)
    targets = [(name, path) for name, path in builds.executables(folder) if name.startswith("fuzz-")]
    sources = list((REPO / "src").rglob("*_fuzz.c"))
    if not targets or len(targets) < len(sources):
        raise CheckFailed(f"{len(sources)} *_fuzz.c files but {len(targets)} targets: "
                          "name each in its room's meson.build (fuzzers += files(...))")

    def fuzz(target):
        name, path = target
        seeds = REPO / "fuzz" / "seeds" / name.removeprefix("fuzz-")
        if not seeds.is_dir() or not any(seeds.iterdir()):
            return name, 1, f"{seeds.relative_to(REPO)}: no seeds; commit at least one named file"
        work = folder / "corpus" / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        artifacts = BUILD / "check" / "fuzz-finds"
        artifacts.mkdir(exist_ok=True)
        status, text = output([path, f"-runs={FUZZ_RUNS}", f"-max_total_time={FUZZ_TIME_S}", "-timeout=10",
                               "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0", "-seed=1",
                               f"-artifact_prefix={artifacts}/{name}-", work, seeds],
                              env={**os.environ, **ASAN})
        return name, status, text

    with ThreadPoolExecutor(int(JOBS)) as pool:
        for name, status, text in pool.map(fuzz, targets):
            print(f"== {name}: status {status}\n{text[-6000:]}")
            if status == 0:
                result.ok()
            else:
                found = [line for line in text.splitlines() if "ERROR" in line or "runtime error" in line]
                result.fail(name, (found or text.strip().splitlines() or ["no output"])[0][:200])


def junit(result, path):
    """Counts of a pytest run, from the report it wrote."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}::{case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if bad is not None:
            result.fail(name, (bad.get("message") or "failed").strip().splitlines()[0][:200])
        elif skipped is not None:
            result.skip(name, (skipped.get("message") or "no reason given")[:300])
        else:
            result.ok()


def run_pytest(result, stage, areas, programs, extra_env=None):
    """pytest over areas of tests/ (a folder, or files), each by itself and as many at once as there are
    processors, with the programs of one folder."""
    environment = {**os.environ, "CORTEN_BIN": str(programs), "PYTHONDONTWRITEBYTECODE": "1", **(extra_env or {})}

    def one(area):
        report = LOGS / f"{stage}-{area.name}.xml"
        report.unlink(missing_ok=True)
        return area, report, *output(["/usr/bin/python3", "-m", "pytest", "-rs", "-q", "-p", "no:cacheprovider",
                                      "--durations=5", f"--junitxml={report}", *area.paths], env=environment)

    with ThreadPoolExecutor(int(JOBS)) as pool:
        for area, report, status, text in pool.map(one, areas):
            print(f"== {area.name}\n{text}", flush=True)
            before = result.total()
            if not report.exists():
                raise CheckFailed(f"pytest over {area.name} ended with status {status} and without a report")
            junit(result, report)
            if result.total() == before:
                raise CheckFailed(f"pytest found no test in {area.name}: nothing was checked")
            if status not in (0, 1) and not result.failed:
                result.fail("pytest", f"ended with status {status}")


class Area(NamedTuple):
    """What one pytest runs over."""
    name: str
    paths: list


def areas_of(folder):
    """A folder, in parts when it has many files, so that several processors share them."""
    files = sorted(folder.glob("*_test.py"))
    if len(files) <= AREA_FILES_MAX:
        return [Area(folder.name, [folder])]
    parts = -(-len(files) // AREA_FILES_MAX)
    return [Area(f"{folder.name}-{i + 1}", files[i::parts]) for i in range(parts)]


def black_box_areas():
    """The areas of tests/ that need nothing but the programs."""
    top = REPO / "tests"
    folders = [p for p in sorted(top.iterdir()) if p.is_dir() and p.name not in ("clients", "guest")
               and any(p.rglob("*test*.py"))] if top.is_dir() else []
    if not folders:
        raise CheckFailed("tests/ holds no black-box test: nothing was checked")
    return [area for folder in folders for area in areas_of(folder)]


def programs_of(result, folder, source_folders):
    names = builds.collect(source_folders, folder)
    missing = [name for name in SHIPPED if name not in names]
    if missing:
        raise CheckFailed(f"programs are not built: {', '.join(missing)}")
    return folder


def shipped_programs(result):
    builds.build("dev", tests=False)
    builds.build("static", tests=False)
    return programs_of(result, BUILD / "dist", [BUILD / "static", BUILD / "dev"])


def black_box_stage(result):
    run_pytest(result, "black-box", black_box_areas(), shipped_programs(result))


def black_box_asan_stage(result):
    areas = black_box_areas()
    builds.build("asan", tests=False)
    builds.build("static", tests=False)
    programs = programs_of(result, BUILD / "dist-asan", [BUILD / "asan"])
    # It runs inside images, which have no sanitizer's libraries.
    shutil.copy2(BUILD / "static" / "programs" / "corten-init", programs / "corten-init.new")
    (programs / "corten-init.new").replace(programs / "corten-init")
    run_pytest(result, "black-box-asan", areas, programs, {**ASAN, **FEWER, "CORTEN_SANITIZED": "1"})


def clients_stage(result):
    """Other engines with corten-runtime as their runtime, in the private roots of tools/peers."""
    if not (REPO / "tests" / "clients").is_dir():
        raise CheckFailed("tests/clients is missing: nothing was checked")
    programs = shipped_programs(result)
    if run([REPO / "tools" / "peers", "stable", "engines", "sid", "crun-suite"]) != 0:
        raise CheckFailed("tools/peers could not unpack the peers: see the log")
    run_pytest(result, "clients", [Area(path.stem, [path]) for path in sorted((REPO / "tests" / "clients").glob("*_test.py"))],
               programs)


def guest_stage(result):
    """tests/guest/run boots other kernels; it prints SKIP lines and 'N passed, N failed' as unit tests do."""
    script = REPO / "tests" / "guest" / "run"
    if not script.exists():
        raise CheckFailed("tests/guest/run is missing: nothing was checked")
    programs = shipped_programs(result)
    status, text = output([script], env={**os.environ, "CORTEN_BIN": str(programs)}, stdin=None)
    print(text)
    count_test_output(result, "guest", text, status)


def checks_stage(result):
    """The checks' own tests."""
    run_pytest(result, "checks", [Area("checklib", [REPO / "tools" / "checklib"])], BUILD, {"PYTHONPATH": str(REPO / "tools")})
