"""Reading C sources in this project's layout (clang-format keeps it) without a compiler."""
import re
from dataclasses import dataclass
from pathlib import Path

from .frame import REPO

FOLDERS = ("src", "programs", "fuzz", "tests", "bench", "tools", "include")
BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def c_files(root=REPO, headers=True, sources=True):
    """All C files that people wrote, generated data tables (.inc) excluded."""
    wanted = ([".h"] if headers else []) + ([".c"] if sources else [])
    found = []
    for folder in FOLDERS:
        top = Path(root) / folder
        if top.is_dir():
            found += [p for p in top.rglob("*") if p.suffix in wanted and p.is_file()]
    return sorted(found)


def blank(text, strings=True):
    """Replaces comments, and text within quotes, by spaces; lines stay where they are."""
    def spaces(match):
        token = match[0]
        if token[0] == "/" and token[1] in "/*":
            return re.sub(r"[^\n]", " ", token)
        if not strings:
            return token
        return token[0] + " " * (len(token) - 2) + token[-1]
    return BLANKED.sub(spaces, text)


def comments(text):
    """Yields (line number, comment text)."""
    for match in BLANKED.finditer(text):
        if match[0].startswith(("//", "/*")):
            first = text.count("\n", 0, match.start()) + 1
            for number, line in enumerate(match[0].split("\n"), first):
                yield number, line


@dataclass
class Function:
    name: str
    line: int       # of its name
    lines: int      # from its name to its closing brace
    parameters: int


def split_top(text):
    """Splits at the commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]


def parse_signature(signature):
    """Returns (name, number of parameters) of the text before a body."""
    for match in re.finditer(r"([A-Za-z_]\w*)\s*\(", signature):
        if match[1] == "__attribute__" or match[1] == "typeof":
            continue
        depth, end = 1, match.end()
        while end < len(signature) and depth:
            depth += {"(": 1, ")": -1}.get(signature[end], 0)
            end += 1
        inner = signature[match.end():end - 1].strip()
        names = [p for p in split_top(inner) if p.strip() not in ("", "void", "...")]
        if match[1] in ("TEST", "BENCH"):
            return inner, 0
        return match[1], len(names)
    return None, 0


def functions(text):
    """Yields the functions defined in a text: here only a body's brace stands alone in column one."""
    lines = blank(text).split("\n")
    for opening, line in enumerate(lines):
        if line != "{":
            continue
        first = opening
        while first > 0 and lines[first - 1].strip() and not re.search(r"[;}]\s*$|^#|^\s*\\", lines[first - 1]):
            first -= 1
        closing = next((i for i in range(opening, len(lines)) if lines[i].startswith("}")), len(lines) - 1)
        name, parameters = parse_signature(" ".join(lines[first:opening]))
        if name:
            yield Function(name, first + 1, closing - first + 1, parameters)
