"""Build folders, and the stages that only build or analyse."""
import hashlib
import json
import os
import platform
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .frame import BUILD, JOBS, REPO, CheckFailed, need, output

SANITIZE = ["-Dbuildtype=debugoptimized", "-Db_lundef=false", "-Db_sanitize=address,undefined"]

# name: (environment, options of meson setup)
FOLDERS = {
    "dev": ({}, []),
    "static": ({}, ["--native-file", "meson/musl.ini", "-Drooms=static"]),
    "clang": ({"CC": "clang"}, []),
    "asan": ({}, SANITIZE),
    "fuzz": ({"CC": "clang"}, [*SANITIZE, "-Dfuzz=true", "-Dc_args=-fsanitize=fuzzer-no-link"]),
    "aarch64": ({}, ["--cross-file", "meson/aarch64.ini", "-Drooms=static"]),
}


def configure(name):
    """Sets a build folder up when it is not, or when its options here have changed."""
    folder = BUILD / name
    variables, options = FOLDERS[name]
    stamp, wanted = folder / ".options", json.dumps([variables, options])
    stale = folder.exists() and stamp.exists() and stamp.read_text() != wanted
    if not (folder / "build.ninja").exists() or stale:
        wipe = ["--wipe"] if (folder / "meson-private").exists() else []
        status, text = output(["meson", "setup", *wipe, *options, folder, REPO],
                              env={**os.environ, **variables})
        if status != 0:
            raise CheckFailed(f"build/{name} cannot be configured:\n{text[-4000:]}")
        stamp.write_text(wanted)
    return folder


def unit_tests(folder):
    """The unit tests that a build folder knows: (name, command)."""
    status, text = output(["meson", "introspect", "--tests", folder])
    if status != 0:
        raise CheckFailed(text)
    return [(test["name"], test["cmd"]) for test in json.loads(text) if "unit" in {suite.rpartition(":")[2] for suite in test["suite"]}]


def executables(folder):
    status, text = output(["meson", "introspect", "--targets", folder])
    if status != 0:
        raise CheckFailed(text)
    return [(target["name"], Path(target["filename"][0])) for target in json.loads(text)
            if target["type"] == "executable"]


def build(name, tests=True):
    """Builds a folder: its default targets and every unit test. Returns the folder."""
    folder = configure(name)
    targets = []
    if tests:
        root = folder.resolve()
        targets = [Path(cmd[-1]).resolve().relative_to(root) for _, cmd in unit_tests(folder)]
    need(["ninja", "--quiet", "-k", "0", "-C", folder, "all", *targets], f"build/{name} does not compile")
    return folder


def collect(source_folders, to):
    """Gathers the programs of build folders in one folder, for CORTEN_BIN."""
    to.mkdir(parents=True, exist_ok=True)
    for old in to.iterdir():
        old.unlink()
    found = {}
    for folder in source_folders:
        for name, path in executables(folder):
            if (name == "cortend" or name == "corten" or name.startswith("corten-")) and path.exists():
                found.setdefault(name, path)
    for name, path in found.items():
        (to / name).hardlink_to(path)
    return sorted(found)


def build_stage(result):
    need(["make", "build"], "'make build' failed")
    build("dev")
    build("static")


def clang_stage(result):
    build("clang")


def compile_commands(folder):
    """Every C file of the project once: (file, folder, arguments)."""
    entries = json.loads((folder / "compile_commands.json").read_text())
    seen = {}
    for entry in entries:
        path = (Path(entry["directory"]) / entry["file"]).resolve()
        if path.suffix == ".c" and REPO in path.parents and BUILD not in path.parents:
            seen.setdefault(path, entry)
    return seen


def included(path, cache):
    """The project's own headers that a file includes, through others as well."""
    if path not in cache:
        cache[path] = set()
        for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M):
            for header in (REPO / "src" / match[1], path.parent / match[1]):
                if header.is_file():
                    cache[path] |= {header} | included(header, cache)
                    break
    return cache[path]


def tidy_key(path, entry, cache):
    digest = hashlib.sha256()
    for part in (path, REPO / ".clang-tidy", *sorted(included(path, cache))):
        digest.update(part.read_bytes())
    digest.update(entry.get("command", "").encode())
    return digest.hexdigest()


def tidy_stage(result):
    """clang-tidy, once per content: a file whose text, headers and options were clean stays clean."""
    folder = configure("clang")
    clean_folder = BUILD / "check" / "tidy-clean"
    clean_folder.mkdir(parents=True, exist_ok=True)
    cache, todo, findings = {}, [], []
    for path, entry in compile_commands(folder).items():
        key = tidy_key(path, entry, cache)
        if not (clean_folder / key).exists():
            todo.append((path, key))
    print(f"{len(todo)} files to read, the others are known to be clean")
    lock = threading.Lock()

    def tidy(item):
        path, key = item
        status, text = output(["clang-tidy", "--quiet", "-p", folder, path])
        found = [(m[1].rpartition("/../../")[2].removeprefix(f"{REPO}/"), m[2], m[3]) for m in re.finditer(
            r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$", text.replace(",-warnings-as-errors", ""), re.M)]
        with lock:
            if status == 0 and not found:
                (clean_folder / key).touch()
                return
            full.write(f"== {path}\n{text}\n")
            for where, line, what in found or [(str(path), "0", f"clang-tidy ended with status {status}")]:
                finding = f"{where}:{line}: {what}"
                if finding not in findings:
                    findings.append(finding)

    full_log = BUILD / "check" / "tidy-full.log"
    with open(full_log, "w") as full, ThreadPoolExecutor(int(JOBS)) as pool:
        list(pool.map(tidy, todo))
    for finding in findings:
        print(finding)
        result.fail("tidy", finding)
    if findings:
        print(f"Why, step by step: {full_log.relative_to(REPO)}")


def cppcheck_stage(result):
    """The shipped sources; tests are left to clang-tidy, as their frame confuses cppcheck."""
    folder = configure("clang")
    cache = BUILD / "check" / "cppcheck"
    cache.mkdir(parents=True, exist_ok=True)
    entries = [entry for path, entry in compile_commands(folder).items()
               if not path.name.endswith(("_test.c", "_fuzz.c"))]
    if not entries:
        raise CheckFailed("no C file found: nothing was checked")
    project = cache / "compile_commands.json"
    project.write_text(json.dumps(entries))
    # The compiler's own macros are not in the project file; without this one each #error is a finding.
    need(["cppcheck", f"--project={project}", f"-D__{platform.machine()}__=1", "--quiet", "-j", JOBS, f"--cppcheck-build-dir={cache}",
          "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1",
          f"--suppressions-list={REPO}/tools/cppcheck-suppressions",
          "--template={file}:{line}: {severity}: {message} [{id}]"], "cppcheck found something")
