"""What every stage uses: the result it fills, and how it runs programs."""
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

REPO = Path(__file__).resolve().parent.parent.parent
BUILD = REPO / "build"
LOGS = BUILD / "check"
JOBS = str(os.cpu_count() or 2)

COUNTS_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)
SKIP_LINE = re.compile(r"^\s*SKIP\s+([^\s:]+):?\s*(.*)$", re.M | re.I)


class CheckFailed(Exception):
    """A stage cannot go on; the text says why."""


class Result:
    """Counts of one stage. A skip is (test, reason), a failure (test, why)."""

    def __init__(self, stage):
        self.stage = stage
        self.passed = 0
        self.failures = []
        self.skips = []
        self.notes = []
        self.failed = 0

    def ok(self, count=1):
        self.passed += count

    def fail(self, name, why, count=1):
        self.failed += count
        self.failures.append((name, why))

    def skip(self, name, why):
        self.skips.append((name, why))

    def note(self, text):
        self.notes.append(text)

    def total(self):
        return self.passed + self.failed + len(self.skips)

    def counts(self):
        return f"{self.passed} passed, {self.failed} failed, {len(self.skips)} skipped"

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skips += other.skips

    def plain(self):
        return {"passed": self.passed, "failed": self.failed, "failures": self.failures,
                "skips": self.skips, "notes": self.notes}

    def load(self, plain):
        self.passed, self.failed = plain["passed"], plain["failed"]
        self.failures, self.skips = plain["failures"], plain["skips"]
        self.notes = plain["notes"]


@dataclass(frozen=True)
class Stage:
    name: str
    run: Callable[[Result], None]
    quick: bool
    budget_s: int  # what it should take on two cores; more is remarked on
    limit_s: int   # it is killed then
    what: str


def run(argv, **options):
    """Runs a program with its output in the stage's log; returns its status."""
    print("+", shlex.join(str(a) for a in argv), flush=True)
    return subprocess.run([str(a) for a in argv], check=False, **options).returncode


def need(argv, what, **options):
    """As run, for a program that must succeed."""
    status = run(argv, **options)
    if status != 0:
        raise CheckFailed(f"{what}: '{Path(str(argv[0])).name}' ended with status {status}")


def output(argv, **options):
    """Runs a program and returns (status, stdout and stderr)."""
    done = subprocess.run([str(a) for a in argv], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    return done.returncode, done.stdout


def count_test_output(result, name, text, status):
    """Counts the cases of a test program by the lines that src/base/test.h prints."""
    skips = SKIP_LINE.findall(text)
    for case, why in skips:
        result.skip(f"{name}/{case}", why or "no reason given")
    counts = COUNTS_LINE.findall(text)
    if not counts:
        if status == 0 and skips:
            return
        result.fail(name, f"ended with status {status} and without 'N passed, N failed'")
        return
    passed, failed, skipped = (int(count or 0) for count in counts[-1])
    # A case that only prints its SKIP line and returns was counted as passed.
    result.ok(max(0, passed - max(0, len(skips) - skipped)))
    if failed:
        cases = re.findall(r"^FAIL (\S+)", text, re.M)
        result.fail(name, ", ".join(cases) or "see the log", failed)
    elif status != 0:
        result.fail(name, f"no case failed but the status is {status}")
