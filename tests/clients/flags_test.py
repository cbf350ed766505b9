"""Every command and option of runc's and crun's help and manuals is Corten's too, or is in flags-left-out."""
import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PEER_ROOT = Path(os.environ.get("PEERS_DIR", REPO / "build" / "peers")) / "sid"
RUNTIME = Path(os.environ.get("CORTEN_BIN", REPO / "build" / "dist")) / "corten-runtime"
TABLE = Path(__file__).with_name("flags-left-out")
# Of the parser that a peer is built with, not of the peer.
EVERYWHERE = {"help", "usage"}
OPTION_OF_HELP = re.compile(r"^\s+(?:-[A-Za-z?], )*--([a-z][a-z0-9-]*)", re.M)


@pytest.fixture(autouse=True)
def nothing_left():
    """No engine runs here."""


@pytest.fixture(scope="module")
def peers():
    assert (PEER_ROOT / ".complete").exists(), f"no runc and crun in '{PEER_ROOT}': run tools/peers sid"


def text_of(*words):
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout}"
    return done.stdout


def in_peer(*words):
    return text_of(REPO / "tools" / "in-peer-root", PEER_ROOT, *words)


def helps_of(peer, commands):
    """The help of each command, by one entry of the private root."""
    script = "".join(f"echo '@@ {name}'; {peer} {name} --help || exit 1; " for name in commands)
    parts = re.split(r"^@@ (\S+)\n", in_peer("sh", "-c", script), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def help_table(peer):
    """{command: options} of a peer's help; "" has the global options."""
    top = in_peer(peer, "--help")
    listed = top.split("COMMANDS:", 1)[1].split("\n\n", 1)[0]
    commands = [name for name in re.findall(r"^\s+([a-z]+)\s", listed, re.M) if name != "help"]
    assert {"create", "start", "state", "kill", "delete"} <= set(commands), listed
    found = {name: set(OPTION_OF_HELP.findall(text)) for name, text in helps_of(peer, commands).items()}
    assert set(found) == set(commands) and len(found["exec"]) > 8
    return {"": set(OPTION_OF_HELP.findall(top)), **found}


def manual_options(page, section):
    """The options that a section of a manual defines, a line each."""
    text = re.sub(r"\\f[A-Z]", "", gzip.decompress(page.read_bytes()).decode()).replace("\\-", "-")
    part = re.search(rf'^\.SH "?{section}"?\n(.*?)(?=^\.SH |\Z)', text, re.M | re.S)
    return set(re.findall(r"^(?:-\w(?:, ?|\|| ))?--([a-z][a-z0-9-]*)", part[1], re.M)) if part else set()


def manual_table_of_runc():
    folder = PEER_ROOT / "usr" / "share" / "man" / "man8"
    pages = sorted(folder.glob("runc-*.8.gz"))
    assert pages, f"no manuals of runc in '{folder}'"
    found = {page.name[len("runc-"):-len(".8.gz")]: manual_options(page, "OPTIONS") for page in pages}
    return {"": manual_options(folder / "runc.8.gz", "GLOBAL OPTIONS"), **found}


def manual_table_of_crun():
    page = PEER_ROOT / "usr" / "share" / "man" / "man1" / "crun.1.gz"
    text = gzip.decompress(page.read_bytes()).decode()
    names = re.findall(r"^\.SH ([A-Z]+) OPTIONS", text, re.M)
    found = {("" if name == "GLOBAL" else name.lower()): manual_options(page, f"{name} OPTIONS") for name in names}
    assert "debug" in found[""] and "bundle" in found["create"], found
    return found


def own_table():
    top = text_of(RUNTIME, "--help")
    commands = re.findall(r"^  ([a-z]+) ", top.split("Commands:", 1)[1].split("\n\n", 1)[0], re.M)
    table = {name: set(OPTION_OF_HELP.findall(text_of(RUNTIME, name, "--help"))) for name in commands}
    return {"": set(OPTION_OF_HELP.findall(top)), **table}


def left_out():
    """{(command, option): reason} of the table; option "" stands for a whole command, "*" for all of its options."""
    rows = {}
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        parts = line.split("\t")
        assert len(parts) == 3 and all(parts), f"{TABLE.name}:{number}: not COMMAND, OPTION, REASON with tabs between"
        key = ("" if parts[0] == "-" else parts[0], "" if parts[1] == "-" else parts[1].removeprefix("--"))
        assert key not in rows, f"{TABLE.name}:{number}: twice"
        rows[key] = parts[2]
    return rows


def missing():
    """{(command, option)} that a peer has and Corten has not, with who has it."""
    own, found = own_table(), {}
    peers = {"runc --help": help_table("runc"), "crun --help": help_table("crun"),
             "runc's manual": manual_table_of_runc(), "crun's manual": manual_table_of_crun()}
    for who, table in peers.items():
        for command, options in table.items():
            if command not in own:
                found.setdefault((command, ""), []).append(who)
                continue
            for option in options - own[command] - EVERYWHERE:
                found.setdefault((command, option), []).append(who)
    return found


def test_each_flag_is_there_or_left_out_for_a_reason(peers):
    rows, used, unlisted = left_out(), set(), []
    for (command, option), who in sorted(missing().items()):
        row = next((key for key in ((command, option), (command, "*")) if key in rows), None)
        if row is None:
            unlisted.append(f"{command or 'global'} --{option} ({', '.join(who)})" if option else f"command {command}")
        used.add(row)
    assert not unlisted, f"neither Corten's nor in {TABLE.name}: " + "; ".join(unlisted)
    stale = [f"{command or 'global'} {option}" for command, option in set(rows) - used]
    assert not stale, f"rows of {TABLE.name} that no peer's flag needs, or that Corten has by now: {stale}"


def test_letters_mean_the_same(peers):
    """-X of runc's and crun's is Corten's -X for the same option."""
    letters = re.compile(r"^\s+(?:--([a-z-]+)(?: value)?, -(\w)\b|-(\w), --([a-z-]+))", re.M)
    own = {}
    for name in own_table():
        text = text_of(RUNTIME, *([name] if name else []), "--help")
        own[name] = {letter: option for _, _, letter, option in letters.findall(text)}
    wrong = []
    for peer in ("runc", "crun"):
        texts = {"": in_peer(peer, "--help"), **helps_of(peer, [name for name in help_table(peer) if name in own and name])}
        for name, text in texts.items():
            for option, letter, other_letter, other_option in letters.findall(text):
                option, letter = option or other_option, letter or other_letter
                if (name, option) in left_out() or (name, "*") in left_out() or option in EVERYWHERE:
                    continue
                if own[name].get(letter) != option:
                    wrong.append(f"{peer} {name} -{letter} (--{option})")
    assert not wrong, f"letters that Corten lacks or means otherwise: {wrong}"


def test_spec_is_runcs(peers):
    """What `spec` writes, with and without --rootless, but for the names that each gives itself."""
    import json
    import tempfile
    for words in ([], ["--rootless"]):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([RUNTIME, "spec", *words, "--bundle", folder], check=True)
            own = json.loads((Path(folder) / "config.json").read_text())
        runc = json.loads(in_peer("sh", "-c", f"cd /run && runc spec {' '.join(words)} && cat config.json"))
        for config in (own, runc):
            config.pop("hostname")
            config.pop("ociVersion")
            for mapping in config["linux"].get("uidMappings", []) + config["linux"].get("gidMappings", []):
                mapping.setdefault("size", 1)
        assert own == runc
