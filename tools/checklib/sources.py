"""Stages that read the sources: layout, rooms, sizes, calls, spelling."""
import re
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from . import csource
from .frame import REPO, CheckFailed, need, output

FILE_LINES, FUNCTION_LINES, PARAMETERS = 1000, 100, 8
WANTED_FILE_LINES, WANTED_FUNCTION_LINES, WANTED_PARAMETERS = 600, 60, 6


def relative(path):
    return path.relative_to(REPO).as_posix()


def report(result, stage, problems):
    for problem in problems:
        print(problem)
    if problems:
        result.fail(stage, f"{len(problems)} found, the first: {problems[0]}")


def files_or_fail(**kinds):
    files = csource.c_files(**kinds)
    if not files:
        raise CheckFailed("no C file found: nothing was checked")
    return files


def format_stage(result):
    _, text = output(["clang-format", "--dry-run", "-Werror", *files_or_fail()])
    first = {}
    for name, line in re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning)", text, re.M):
        first.setdefault(relative(Path(name)), line)
    report(result, "format", [f"{name}:{line}: layout differs from .clang-format: clang-format -i {name}"
                              for name, line in first.items()])


def headers_stage(result):
    def compile_alone(header):
        flags = ["-std=gnu17", "-D_GNU_SOURCE", "-DCORTEN_VERSION=\"0\"", "-fsyntax-only", f"-I{REPO}/src"]
        return header, *output(["gcc", *flags, "-include", header, "-x", "c", "/dev/null"])

    with ThreadPoolExecutor(4) as pool:
        done = pool.map(compile_alone, files_or_fail(sources=False))
    report(result, "headers", [f"{relative(header)} does not compile alone:\n{text}"
                               for header, status, text in done if status != 0])


# --- rooms ---

def read_layers(path):
    layers = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            room, _, allowed = line.partition(":")
            layers[room.strip()] = set(allowed.split())
    return layers


def room_of(path, layers):
    """The room that holds a path below src/: the longest name that fits, so sub-rooms come first."""
    fitting = [room for room in layers if path.startswith(room + "/")]
    return max(fitting, key=len, default=None)


def layer_problems(root, layers):
    src = Path(root) / "src"
    for path in csource.c_files(root):
        name = path.relative_to(root).as_posix()
        below_src = name.startswith("src/")
        inside = name[4:]
        room = room_of(inside, layers) if below_src else None
        if below_src and room is None:
            yield f"{name}: its room is not in src/LAYERS"
            continue
        text = csource.blank(path.read_text(), strings=False)
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r'\s*#\s*include\s+([<"])([^">]+)[">]', line)
            if not match:
                continue
            kind, header = match[1], match[2]
            target = room_of(header, layers)
            if kind == "<":
                if target is not None and (src / header).exists():
                    yield f'{name}:{number}: write "{header}" with quotes: it is the project\'s own'
                continue
            if not below_src:
                continue
            if target is None:
                yield f'{name}:{number}: "{header}": includes name the path from src/, and its room is in src/LAYERS'
            elif target != room and target not in layers[room]:
                allowed = " ".join(sorted(layers[room])) or "nothing but itself"
                yield (f"{name}:{number}: '{room}' must not include '{target}' (src/LAYERS: {allowed}); "
                       "siblings get what they need as callbacks from their caller")


def layers_consistent(layers):
    for room, allowed in layers.items():
        for below in allowed:
            if below not in layers:
                yield f"src/LAYERS: {room} names '{below}', which is no room"
            elif room in layers.get(below, ()):
                yield f"src/LAYERS: {room} and {below} name each other"


def layers_stage(result):
    layers = read_layers(REPO / "src" / "LAYERS")
    files_or_fail()
    problems = list(layers_consistent(layers)) + list(layer_problems(REPO, layers))
    report(result, "layers", problems)


# --- sizes ---

def size_findings(root):
    """Yields (path, line, what, value, wanted, maximum)."""
    for path in csource.c_files(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        yield name, 1, "lines in the file", text.count("\n"), WANTED_FILE_LINES, FILE_LINES
        for function in csource.functions(text):
            yield (name, function.line, f"lines in {function.name}()", function.lines,
                   WANTED_FUNCTION_LINES, FUNCTION_LINES)
            yield (name, function.line, f"parameters of {function.name}()", function.parameters,
                   WANTED_PARAMETERS, PARAMETERS)


def sizes_stage(result):
    files_or_fail()
    problems, wishes = [], 0
    for name, line, what, value, wanted, maximum in size_findings(REPO):
        if value > maximum:
            problems.append(f"{name}:{line}: {value} {what}, at most {maximum} are allowed")
        elif value > wanted:
            wishes += 1
            print(f"{name}:{line}: {value} {what}; {wanted} are wanted")
    if wishes:
        result.note(f"{wishes} sizes above what is wanted (not the maxima): see the log")
    report(result, "sizes", problems)


# --- calls ---

BANNED = {
    "strcpy": "use struct buf or memcpy with a known size",
    "strcat": "use struct buf",
    "sprintf": "use snprintf or buf_printf",
    "vsprintf": "use vsnprintf",
    "strncpy": "use memcpy with a known size",
    "strncat": "use struct buf",
    "strtok": "use strchrnul and lengths",
    "strtok_r": "use strchrnul and lengths",
    "atoi": "use strtol with checks, or the helpers of base",
    "atol": "use strtol with checks",
    "atoll": "use strtoll with checks",
    "system": "start programs by argument list",
    "popen": "start programs by argument list",
    "alloca": "use struct buf or an arena",
    "gets": "use fgets",
    "tmpnam": "use O_TMPFILE or mkstemp",
    "mktemp": "use mkstemp",
}

# Calls that resolve a path from the root or the working directory, and the *at form to use.
BY_PATH = {name: "the descriptor form: fsopen, open_tree, move_mount"
           for name in ("mount", "umount", "umount2", "pivot_root", "chroot")}
BY_PATH |= {name: f"{at}, with the folder's descriptor" for name, at in {
    "open": "openat or openat2", "creat": "openat", "chown": "fchownat", "lchown": "fchownat",
    "chmod": "fchmodat or fchmod", "mkdir": "mkdirat", "mknod": "mknodat", "mkfifo": "mkfifoat",
    "symlink": "symlinkat", "link": "linkat", "unlink": "unlinkat", "rmdir": "unlinkat",
    "remove": "unlinkat", "rename": "renameat2", "truncate": "ftruncate", "access": "faccessat",
    "stat": "fstatat or statx", "lstat": "fstatat or statx", "readlink": "readlinkat",
    "opendir": "fdopendir", "scandir": "fdopendir", "nftw": "fdopendir", "ftw": "fdopendir",
    "fopen": "fdopen", "freopen": "fdopen", "realpath": "base/path", "chdir": "fchdir",
    "statfs": "fstatfs", "statvfs": "fstatfs", "utime": "utimensat", "utimes": "utimensat",
    "setxattr": "fsetxattr", "lsetxattr": "fsetxattr", "getxattr": "fgetxattr",
    "lgetxattr": "fgetxattr", "removexattr": "fremovexattr", "lremovexattr": "fremovexattr",
    "listxattr": "flistxattr", "llistxattr": "flistxattr",
}.items()}
AT_FORMS = ("openat", "openat2", "mkdirat", "mknodat", "symlinkat", "unlinkat", "renameat", "renameat2",
            "linkat", "fstatat", "statx", "readlinkat", "fchownat", "fchmodat", "faccessat", "utimensat",
            "open_tree", "mount_setattr", "name_to_handle_at", "execveat")
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(sorted([*BANNED, *BY_PATH, *AT_FORMS], key=len, reverse=True)))


def read_path_owners(path):
    """tools/path-owners: CALLS FILES # REASON; who may resolve paths, and why."""
    rules = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        rule, mark, reason = line.partition(" # ")
        fields = rule.split()
        if len(fields) != 2 or not mark or not reason.strip():
            raise CheckFailed(f"{path.name}:{number}: wanted 'CALL,CALL FILES # REASON'")
        rules.append((fields[0].split(","), fields[1]))
    return rules


def rules_for(rules, call, name):
    return [index for index, (calls, files) in enumerate(rules)
            if fnmatchcase(name, files) and ("*" in calls or call in calls)]


def arguments(text, start):
    """The texts of a call's arguments."""
    depth, end = 1, start
    while end < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return [part.strip() for part in csource.split_top(text[start:end - 1])]


def is_declaration(text, start):
    """A name right after a type's name is being declared, not called."""
    before = re.search(r"([A-Za-z_]\w*)[ \t*]+$", text[max(0, start - 80):start])
    return before is not None and before[1] not in ("return", "else", "do", "case", "sizeof")


HARMLESS = ('"/"', '"."', '"/dev/null"')


def resolves_a_path(call, given):
    """Whether a call's arguments make it resolve a path from the root or the working directory."""
    if call in AT_FORMS:
        return given[0] == "AT_FDCWD" and given[1:2] != [] and given[1] not in HARMLESS
    return given[0] not in HARMLESS or call not in ("open", "chdir", "access", "stat")


def call_problems(root, rules, used):
    for path in csource.c_files(root):
        name = path.relative_to(root).as_posix()
        is_test = name.endswith(("_test.c", "/testing.h")) or name.startswith(("tests/", "bench/", "fuzz/", "tools/"))
        whole = path.read_text()
        text, quoted = csource.blank(whole), csource.blank(whole, strings=False)
        for match in CALL.finditer(text):
            call, where = match[1], f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            if is_declaration(text, match.start()):
                continue
            if call in BANNED:
                yield f"{where}: {call}() is banned: {BANNED[call]}"
                continue
            if is_test or not resolves_a_path(call, arguments(quoted, match.end())):
                continue
            allowed = rules_for(rules, call, name)
            used.update(allowed)
            if not allowed:
                instead = BY_PATH.get(call, "a folder's descriptor instead of AT_FDCWD")
                yield (f"{where}: {call}() resolves a path: use {instead}; an owner with a reason "
                       "goes to tools/path-owners")


def calls_stage(result):
    files_or_fail()
    rules = read_path_owners(REPO / "tools" / "path-owners")
    used = set()
    report(result, "calls", list(call_problems(REPO, rules, used)))
    for index, (calls, files) in enumerate(rules):
        if index not in used:
            result.note(f"tools/path-owners: nothing needs '{','.join(calls)} {files}' any more")


# --- spelling and pages ---

# One spelling: British. Words of the field (OCI's `defaultAction`, Linux's "color") stand in `code`.
SPELLING = {
    r"behavior(s|al)?": "behaviour", r"colou?red?": None, r"color(s|ed|ing)?": "colour",
    r"honor(s|ed|ing|able)?": "honour", r"favor(s|ed|ing|ite)?": "favour", r"neighbor\w*": "neighbour",
    r"center(s|ed)?": "centre", r"license": "licence (the noun)", r"defense": "defence",
    r"gray": "grey", r"catalog": "catalogue", r"analyz(e|es|ed|ing)": "analyse",
    r"(un|re)?initializ\w+": "initialise", r"recogniz\w+": "recognise", r"optimiz\w+": "optimise",
    r"(de)?serializ\w+": "serialise", r"normaliz\w+": "normalise", r"organiz\w+": "organise",
    r"summariz\w+": "summarise", r"minimiz\w+": "minimise", r"maximiz\w+": "maximise",
    r"customiz\w+": "customise", r"synchroniz\w+": "synchronise", r"utiliz\w+": "use",
    r"canonicaliz\w+": "canonicalise", r"finaliz\w+": "finalise", r"prioritiz\w+": "prioritise",
    r"cancel(ed|ing)": "cancelled", r"label(ed|ing)": "labelled", r"signal(ed|ing)": "signalled",
    r"travel(ed|ing)": "travelled", r"model(ed|ing)": "modelled", r"fulfill?s": None,
}
SPELLING = {re.compile(rf"\b{word}\b", re.I): right for word, right in SPELLING.items() if right}
NAMES = re.compile(r"`[^`]*`|https?://\S+|\bLICENSE\b|Apache License|\bSPDX-License-Identifier\b|\w*_\w+|\w+\.\w+")


def prose_lines(path):
    text = path.read_text()
    if path.suffix in (".c", ".h"):
        yield from csource.comments(text)
        return
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def page_files():
    pages = [p for p in REPO.glob("*.md")]
    for folder in ("docs", "tests", "bench", "packaging"):
        pages += [p for p in (REPO / folder).rglob("*") if p.suffix in (".md", ".1", ".5", ".7", ".8")]
    return sorted(pages)


def spelling_problems(paths):
    for path in paths:
        for number, line in prose_lines(path):
            plain = NAMES.sub(lambda m: " " * len(m[0]), line)
            for wrong, right in SPELLING.items():
                for match in wrong.finditer(plain):
                    yield f"{relative(path)}:{number}: '{match[0]}' is spelt '{right}' here"
            for match in re.finditer(r"\b(the the|a a|of of|to to|is is|TODO|FIXME|XXX)\b", plain):
                yield f"{relative(path)}:{number}: '{match[0]}'"


def link_problems(paths):
    """Links between pages must lead somewhere."""
    for path in paths:
        if path.suffix != ".md":
            continue
        for number, line in prose_lines(path):
            for match in re.finditer(r"\]\(([^)#\s]+)(#[^)]*)?\)", line):
                if not re.match(r"[a-z]+:", match[1]) and not (path.parent / match[1]).exists():
                    yield f"{relative(path)}:{number}: the link to '{match[1]}' leads nowhere"


def pages_stage(result):
    pages = page_files()
    if not pages:
        raise CheckFailed("no page found: nothing was checked")
    problems = list(spelling_problems(pages + csource.c_files())) + list(link_problems(pages))
    _, fresh = output([REPO / "tools" / "deps", "--page"])
    page = REPO / "docs" / "dependencies.md"
    if not page.exists() or page.read_text() != fresh:
        problems.append("docs/dependencies.md is not what tools/packages says: "
                        "tools/deps --page >docs/dependencies.md")
    report(result, "pages", problems)


def scripts(interpreter):
    """Every file of the repository whose first line names the interpreter, a pattern."""
    _, listed = output(["git", "-C", REPO, "ls-files", "--cached", "--others", "--exclude-standard"])
    first_line = re.compile(rb"#!/(usr/)?bin/(env )?" + interpreter + rb"\b")
    for name in listed.splitlines():
        path = REPO / name
        if not name.startswith("fuzz/seeds/") and path.is_file() and first_line.match(path.read_bytes()[:32]):
            yield path


def python_problems(files):
    """What pyflakes says, without the two things that pytest's fixtures look like to it."""
    _, text = output(["pyflakes3", *files])
    for line in text.splitlines():
        where = re.match(r"(\S+?):(\d+):\d+:? (.*)", line)
        if not where:
            yield line
            continue
        path, number, what = Path(where[1]), int(where[2]), where[3]
        marked = "F401" in path.read_text().splitlines()[number - 1]
        if not what.startswith("redefinition of unused") and not (marked and "imported but unused" in what):
            yield f"{relative(path)}:{number}: {what}"


def scripts_stage(result):
    shell = list(scripts(rb"(ba|da)?sh"))
    modules = (path for folder in ("tests", "tools", "bench") for path in (REPO / folder).rglob("*.py"))
    python = sorted({*scripts(rb"python3?"), *modules})
    if not shell or not python:
        raise CheckFailed("no script found: nothing was checked")
    need(["shellcheck", "--severity=warning", *shell], "shellcheck found something")
    report(result, "scripts", list(python_problems(python)))


def deps_stage(result):
    status, missing = output([REPO / "tools" / "deps", "--missing"])
    if status != 0 or missing.strip():
        raise CheckFailed(f"packages are missing ('make deps' installs them): {' '.join(missing.split())}")
