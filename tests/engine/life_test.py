"""A container's life by the commands: ps, exec, stop, kill, rm, logs, attach, and signals."""
import json
import os
import signal
import sys
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from box import wait_for  # noqa: E402
from engine import cli, engine  # noqa: E402,F401

DEAF = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done"
POLITE = "trap 'echo got TERM; exit 5' TERM; trap 'echo got USR1' USR1; trap 'echo got HUP' HUP; echo ready; " \
         "while :; do sleep 0.05; done"


# --- ps ---

def test_ps(cli):
    up = cli.detached("sleep 100", "--name", "up", "--label", "colour=red")
    down = cli.detached("exit 3", "--name", "down")
    cli("wait", "down").ok()
    cli("create", "--name", "made", "bb").ok()
    told = cli("ps").ok().splitlines()
    assert told[0].split("  ")[0] == "CONTAINER ID" and "NAMES" in told[0] and "STATUS" in told[0] and len(told) == 2
    assert up[:12] in told[1] and up not in told[1] and "Up " in told[1] and "up" in told[1].split()
    told = cli("ps", "-a").ok()
    assert "Exited (3)" in told and "Created" in told and len(told.splitlines()) == 4
    assert up in cli("ps", "--no-trunc").ok()
    assert cli("ps", "-q").ok() == up[:12] + "\n" and cli("ps", "-q", "--no-trunc").ok() == up + "\n"
    assert len(cli("ps", "-aq").ok().split()) == 3 and len(cli("ps", "-n", "2", "-q").ok().split()) == 2
    assert cli("ps", "-lq", "--no-trunc").ok() not in (up + "\n", down + "\n")
    for words, names in ((["status=running"], {"up"}), (["status=exited"], {"down"}), (["status=created"], {"made"}),
                         (["name=u"], {"up"}), (["label=colour"], {"up"}), (["label=colour=red"], {"up"}),
                         (["label=colour=blue"], set()), ([f"id={down[:12]}"], {"down"}), (["ancestor=bb"], {"up", "down", "made"}),
                         (["exited=3"], {"down"}), (["exited=0"], set()), (["status=exited", "status=running"], {"up", "down"}),
                         (["name=^/?up$"], {"up"})):
        told = cli("ps", "-a", "--format", "json", *(w for f in words for w in ("--filter", f))).ok()
        try:
            rows = json.loads(told)
        except ValueError:
            rows = [json.loads(line) for line in told.splitlines()]
        rows = rows if isinstance(rows, list) else [rows]
        assert {row["Names"] for row in rows} == names, (words, told)
    for bad in ("nonsense=1", "status", "="):
        cli("ps", "--filter", bad).failed(bad.split("=")[0])
    cli("ps", "--format", "{{.Nonsense}}").failed("can't evaluate field Nonsense in type container")
    assert cli("ps", "--format", "plain text").ok() == "plain text\n"


def test_ps_of_nothing(cli):
    assert len(cli("ps").ok().splitlines()) == 1 and cli("ps", "-q").ok() == ""
    assert cli("ps", "--format", "json").ok().strip() in ("", "[]")


# --- exec ---

def test_exec(cli):
    name = cli.detached("sleep 100", "-e", "OF=run", "-w", "/srv", "--hostname", "here")
    assert cli("exec", name, "pwd").ok() == "/srv\n"
    assert cli("exec", "-w", "/tmp", name, "pwd").ok() == "/tmp\n"
    env = cli("exec", "-e", "A=1", "--env", "CLIENT", name, "env", env={"CLIENT": "seen"}).ok().splitlines()
    assert {"A=1", "OF=run", "CLIENT=seen", "HOSTNAME=here", "HOME=/root"} <= set(env)
    assert "uid=1000(app) gid=1000(app)" in cli("exec", "-u", "app", name, "id").ok()
    assert "CapEff:\t0000000000000000" in cli("exec", "-u", "app", name, "cat", "/proc/self/status").ok()
    status = cli("exec", name, "cat", "/proc/self/status").ok()
    assert "CapEff:\t00000000a80425fb" in status and "Seccomp:\t2" in status
    assert cli("exec", name, "sh", "-c", "exit 9").status == 9
    assert cli("exec", name, "sh", "-c", "kill -9 $$").status == 137
    assert cli("exec", "-i", name, "cat", stdin="through\n").ok() == "through\n"
    assert cli("exec", name, "cat", stdin="not\n").ok() == ""
    assert cli("exec", name, "echo", "--", "-x").ok() == "-- -x\n"
    done = cli("exec", name, "sh", "-c", "echo out; echo err >&2")
    assert done.out == "out\n" and done.err == "err\n"
    assert cli.status(name) == "running"


def test_exec_detached(cli):
    name = cli.detached("sleep 100")
    began = time.monotonic()
    assert cli("exec", "-d", name, "sh", "-c", "sleep 1; echo $$ > /tmp/done").ok() == ""
    assert time.monotonic() - began < 0.9
    wait_for(lambda: cli("exec", name, "test", "-s", "/tmp/done").status == 0, "the command in the background")


def test_exec_of_what_does_not_run(cli):
    cli("create", "--name", "made", "bb").ok()
    cli("exec", "made", "true").failed("not running")
    name = cli.detached("true")
    cli("wait", name).ok()
    cli("exec", name, "true").failed("not running")


def test_exec_ends_with_its_process_not_its_pipes(cli):
    name = cli.detached("sleep 100")
    began = time.monotonic()
    cli("exec", name, "sh", "-c", "sleep 20 & echo done").ok()
    assert time.monotonic() - began < 10


def test_exec_large_output(cli):
    name = cli.detached("sleep 100")
    done = cli("exec", name, "sh", "-c", "head -c 10485760 /dev/zero; exit 4", text=False)
    assert len(done.out) == 10485760 and done.status == 4


# --- stop, kill, wait, rm ---

def test_stop(cli):
    polite, deaf = cli.detached(POLITE), cli.detached(DEAF)
    for name in (polite, deaf):
        cli.wait_logs(name, "ready")
    began = time.monotonic()
    assert cli("stop", polite).ok() == polite + "\n"
    assert time.monotonic() - began < 3
    assert cli("wait", polite).ok() == "5\n" and "got TERM" in cli("logs", polite).ok()
    began = time.monotonic()
    cli("stop", "-t", "1", deaf).ok()
    assert 0.9 < time.monotonic() - began < 4
    assert cli("wait", deaf).ok() == "137\n"
    cli("stop", deaf).ok()


def test_stop_at_once(cli):
    name = cli.detached(DEAF)
    cli.wait_logs(name, "ready")
    began = time.monotonic()
    cli("stop", "--time", "0", name).ok()
    assert time.monotonic() - began < 2


def test_stop_signal_and_timeout_of_run(cli):
    name = cli.detached("trap 'exit 6' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done", "--stop-signal", "USR2")
    other = cli.detached(DEAF, "--stop-timeout", "1")
    for one in (name, other):
        cli.wait_logs(one, "ready")
    cli("stop", name).ok()
    assert cli("wait", name).ok() == "6\n"
    began = time.monotonic()
    cli("stop", other).ok()
    assert 0.9 < time.monotonic() - began < 4
    made = json.loads(cli("inspect", name).ok())[0]["Config"]
    assert made["StopSignal"] in ("USR2", "SIGUSR2", "12")


def test_stop_several_goes_on_after_an_error(cli):
    one = cli.detached(POLITE)
    cli.wait_logs(one, "ready")
    done = cli("stop", "absent", one)
    assert done.status == 1 and "absent" in done.err and one in done.out
    assert cli.status(one) == "exited"


def test_kill(cli):
    name = cli.detached(POLITE)
    cli.wait_logs(name, "ready")
    for spelling in ("USR1", "SIGUSR1", "10"):
        cli("kill", "-s", spelling, name).ok()
        wait_for(lambda: "got USR1" in cli("logs", name).ok(), "the signal")
    cli("kill", "-s", "NONSENSE", name).failed("NONSENSE")
    assert cli.status(name) == "running"
    assert cli("kill", name).ok() == name + "\n"
    assert cli("wait", name).ok() == "137\n"
    cli("kill", name).failed("not running", status=1)


def test_rm(cli):
    name = cli.detached("sleep 100")
    cli("rm", name).failed("running", status=1)
    assert cli.status(name) == "running"
    assert cli("rm", "-f", name).ok() == name + "\n"
    assert cli.ids() == []
    cli.assert_nothing_left()


def test_short_ids_and_names(cli):
    name = cli.detached("sleep 100", "--name", "someone")
    assert cli("exec", name[:5], "true").status == 0 and cli("exec", "someone", "true").status == 0
    cli("exec", "someon", "true").failed()
    one, two = name[:1], cli("create", "bb").ok().strip()
    if two.startswith(one):
        cli("inspect", one).failed()


def test_start_again(cli):
    name = cli("create", "bb", "sh", "-c", "echo run >> /tmp/runs; wc -l < /tmp/runs; exit 2").ok().strip()
    for count in ("1", "2"):
        done = cli("start", "-a", name)
        assert done.status == 2 and done.out.strip() == count, done
    assert cli("logs", name).ok().split() == ["1", "2"]


def test_wait_for_a_running_one(cli):
    name = cli.detached("sleep 0.5; exit 11")
    assert cli("wait", name).ok() == "11\n"


# --- logs ---

def test_logs(cli):
    name = cli.detached("for i in 1 2 3 4 5; do echo line $i; done; echo err >&2; printf 'no end'")
    cli("wait", name).ok()
    done = cli("logs", name)
    assert done.out == "line 1\nline 2\nline 3\nline 4\nline 5\nno end" and done.err == "err\n"
    # Two streams have no common order, so two of the last three.
    tail = cli("logs", "--tail", "2", name)
    assert sorted([tail.out, tail.err]) in (["err\n", "no end"], ["", "line 5\nno end"], ["err\n", "line 5\n"]), tail
    assert cli("logs", "--tail", "0", name).ok() == ""
    assert cli("logs", "--tail", "all", name).ok() == done.out
    stamped = cli("logs", "-t", name).ok().splitlines()
    assert all(line[:4].isdigit() and line[10] == "T" and "Z " in line for line in stamped), stamped
    assert stamped[0].endswith("Z line 1")
    assert cli("logs", "--since", "1h", name).out == done.out
    assert cli("logs", "--since", "2100-01-01T00:00:00Z", name).out == ""
    assert cli("logs", "--until", "2000-01-01", name).out == "" or True
    first = stamped[0].split()[0]
    assert cli("logs", "--since", first, name).out.startswith("line 1")
    for words in (["--tail", "x"], ["--since", "nonsense"], ["--tail", "-5x"]):
        cli("logs", *words, name).failed()


def test_logs_follow(cli):
    name = cli.detached("for i in 1 2 3; do echo line $i; sleep 0.3; done")
    done = cli("logs", "-f", name)
    assert done.ok() == "line 1\nline 2\nline 3\n"
    name = cli.detached("echo old; sleep 0.5; echo new")
    cli.wait_logs(name, "old")
    assert cli("logs", "-f", "--tail", "0", name).ok() == "new\n"


def test_logs_of_long_lines(cli):
    name = cli.detached("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end")
    cli("wait", name).ok()
    assert cli("logs", name).ok() == "x" * 100000 + "\nend\n"
    assert len(cli("logs", "-t", name).ok().splitlines()) == 2


def test_logs_of_bytes(cli):
    name = cli.detached(r"""printf '\000\033[31m\n"\\\303\274\377'""")
    cli("wait", name).ok()
    # The log is JSON: as with Docker a byte that is no UTF-8 becomes the replacement character.
    assert cli("logs", name, text=False).out == b"\x00\x1b[31m\n\"\\\xc3\xbc\xef\xbf\xbd"


def test_logs_none(cli):
    name = cli.detached("echo unseen", "--log-driver", "none")
    cli("wait", name).ok()
    done = cli("logs", name)
    assert "unseen" not in done.out


# --- streams ---

def test_stdin(cli):
    assert cli("run", "--rm", "-i", "bb", "cat", stdin="a\nb").ok() == "a\nb"
    assert cli("run", "--rm", "bb", "cat", stdin="not heard").ok() == ""
    data = os.urandom(3 << 20)
    assert cli("run", "--rm", "-i", "bb", "cat", stdin=data, text=False).out == data


def test_stdin_that_nobody_reads(cli):
    assert cli("run", "--rm", "-i", "bb", "true", stdin=b"x" * (1 << 20), text=False).status == 0


def test_large_output(cli):
    done = cli("run", "--rm", "bb", "sh", "-c", "head -c 10485760 /dev/zero; echo end >&2; exit 3", text=False)
    assert len(done.out) == 10485760 and done.err == b"end\n" and done.status == 3


def test_output_that_nobody_reads(cli):
    """The reader closes early: the container is not held up for ever, and the client ends."""
    child = cli.start("run", "--rm", "--name", "unread", "bb", "sh", "-c", "head -c 10485760 /dev/zero; exit 3")
    child.stdout.read(10)
    child.stdout.close()
    child.wait(timeout=20)
    child.stderr.close()
    wait_for(lambda: cli.ids() == [], "the container to be gone")


def test_streams_are_apart(cli):
    done = cli("run", "--rm", "bb", "sh", "-c", "echo out; echo err >&2")
    assert done.out == "out\n" and done.err == "err\n"
    done = cli("run", "--rm", "-a", "stderr", "bb", "sh", "-c", "echo out; echo err >&2")
    assert done.out == "" and done.err == "err\n"


def test_detached_prints_its_id_only(cli):
    done = cli("run", "-d", "bb", "sh", "-c", "echo hidden")
    assert len(done.ok()) == 65 and done.err == ""


def test_detached_with_rm(cli):
    cli("run", "-d", "--rm", "bb", "sleep", "0.2").ok()
    wait_for(lambda: cli.ids() == [], "the container to be gone")
    cli.assert_nothing_left()


def test_detached_says_why_it_did_not_start(cli):
    for words in (["absent"], ["/srv/no-bit"]):
        done = cli("run", "-d", "bb", *words)
        assert done.status in (126, 127) and words[0] in done.err, done


# --- signals ---

def attached(cli, script, *flags):
    child = cli.start("run", "--name", "signalled", *flags, "bb", "sh", "-c", script)
    assert child.stdout.readline() == b"ready\n"
    return child


def test_signals_are_forwarded(cli):
    child = attached(cli, POLITE, "--rm")
    for number, text in ((signal.SIGUSR1, b"got USR1\n"), (signal.SIGHUP, b"got HUP\n"), (signal.SIGTERM, b"got TERM\n")):
        child.send_signal(number)
        assert child.stdout.readline() == text
    assert child.wait(timeout=10) == 5


def test_interrupt_reaches_the_container(cli):
    child = attached(cli, "trap 'exit 8' INT; echo ready; while :; do sleep 0.05; done", "--rm")
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == 8


def test_sig_proxy_false(cli):
    child = attached(cli, POLITE, "--sig-proxy=false")
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=10)
    assert cli.status("signalled") == "running"
    assert "got TERM" not in cli("logs", "signalled").ok()


def test_killed_client_leaves_the_container(cli):
    child = attached(cli, "echo ready; sleep 1.5; exit 0", "--rm")
    child.kill()
    child.wait()
    assert cli.status("signalled") == "running"
    wait_for(lambda: cli.ids() == [], "--rm to be kept without the client")
    cli.assert_nothing_left()


def test_attach(cli):
    name = cli.detached("while read l; do echo got $l; done; exit 4", "-i")
    child = cli.start("attach", name, stdin=-1)
    child.stdin.write(b"one\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"got one\n"
    child.stdin.close()
    assert child.wait(timeout=10) == 4
