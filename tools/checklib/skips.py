"""Skipped tests must be expected: tests/expected-skips lists which, and why.

A line is PATTERN # REASON; the pattern is a shell glob over STAGE/TEST.
"""
import fnmatch

from .frame import REPO, CheckFailed

LIST = REPO / "tests" / "expected-skips"


def expected():
    patterns = []
    if not LIST.exists():
        return patterns
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, mark, reason = line.partition(" # ")
        if not mark or not reason.strip():
            raise CheckFailed(f"{LIST}:{number}: a pattern needs ' # ' and a reason")
        patterns.append(pattern.strip())
    return patterns


def judge(result):
    """Turns each skip that nobody expects into a failure."""
    if not result.skips:
        return
    patterns = expected()
    skips, result.skips = result.skips, []
    for name, why in skips:
        full = f"{result.stage}/{name}"
        if any(fnmatch.fnmatchcase(full, pattern) for pattern in patterns):
            result.skip(name, why)
        else:
            result.fail(full, f"skipped ({why}), and no line of tests/expected-skips expects it")
