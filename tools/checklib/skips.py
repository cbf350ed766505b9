"""Skipped tests must be expected: tests/expected-skips lists which, and why.

A line is PATTERN # REASON; the pattern is a shell glob over STAGE/TEST. After "lacks", it names a unit
test's case that is not even tried in that stage, as an emulator lacks what the case needs:
lacks STAGE/ROOM/PROGRAM/CASE # REASON.
"""
import fnmatch

from .frame import REPO, CheckFailed

LIST = REPO / "tests" / "expected-skips"


def read():
    """Returns {pattern: reason} of the skips to expect, and of those to make."""
    found, made = {}, {}
    for number, line in enumerate(LIST.read_text().splitlines() if LIST.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, mark, reason = line.partition(" # ")
        if not mark or not reason.strip():
            raise CheckFailed(f"{LIST}:{number}: a pattern needs ' # ' and a reason")
        pattern = pattern.strip()
        if pattern.startswith("lacks "):
            made[pattern.removeprefix("lacks ")] = reason.strip()
        else:
            found[pattern] = reason.strip()
    return found, made


def to_make(stage):
    """What CORTEN_TEST_SKIP must hold in a stage: PROGRAM/CASE, with programs named as they are built."""
    globs = []
    for pattern in read()[1]:
        where, _, rest = pattern.partition("/")
        room, program, case = rest.rsplit("/", 2)
        if where == stage:
            globs.append(f"{room.replace('/', '_')}-{program}/{case}")
    return ",".join(globs)


def judge(result):
    """Turns each skip that nobody expects into a failure."""
    if not result.skips:
        return
    found, made = read()
    skips, result.skips = result.skips, []
    for name, why in skips:
        full = f"{result.stage}/{name}"
        reasons = [reason for pattern, reason in {**found, **made}.items() if fnmatch.fnmatchcase(full, pattern)]
        if not reasons:
            result.fail(full, f"skipped ({why}), and no line of tests/expected-skips expects it")
        else:
            result.skip(name, reasons[0] if "CORTEN_TEST_SKIP" in why else why)
