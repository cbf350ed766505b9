"""Seccomp: actions, flags, architectures, calls newer than the policy, and the agent that is notified."""
import contextlib
import fcntl
import json
import os
import select
import socket
import struct
import threading
from pathlib import Path

import pytest

from box import TIMEOUT_S, compile_c

NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
EROFS, ENOSYS = 30, 38
NUMBERS = {"mkdir": 83}


def filtered(box, args, syscalls, default="SCMP_ACT_ALLOW", **more):
    one = box(*args)
    one.linux["seccomp"] = {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64"],
                            "syscalls": syscalls, **more}
    return one


# --- the agent ---

class Agent(threading.Thread):
    """Takes one container process state after the other, and answers all that is asked through their listeners."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.path = folder / "agent.sock"
        self.states, self.calls, self.refused, self.fds = [], [], {}, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen(4)
        self.wake, self.woken = os.pipe()
        self.trouble = None
        self.start()

    def accept(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(TIMEOUT_S)
            text, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
            assert len(fds) == 1, f"{len(fds)} descriptors came with the state"
            rest = connection.recv(1)
            assert rest == b"", f"{rest!r} came after the state"
        self.fds.append(fds[0])
        self.states.append(json.loads(text))

    def answer(self, fd):
        request = bytearray(80)
        try:
            fcntl.ioctl(fd, NOTIF_RECV, request)
        except OSError:  # whoever called is gone
            return
        notice, pid, _, number = struct.unpack_from("=QIIi", request)
        self.calls.append((number, pid))
        error = self.refused.get(number, 0)
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, NOTIF_SEND, struct.pack("=QqiI", notice, 0, -error, 0 if error else CONTINUE))

    def run(self):
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        try:
            while True:
                for fd, event in poll.poll():
                    if fd == self.wake:
                        return
                    if fd == self.listener.fileno():
                        self.accept()
                        poll.register(self.fds[-1], select.POLLIN)
                    elif event & select.POLLIN:
                        self.answer(fd)
                    else:
                        poll.unregister(fd)
        except (AssertionError, OSError, ValueError) as trouble:
            self.trouble = trouble

    def stop(self):
        os.write(self.woken, b"x")
        self.join(TIMEOUT_S)
        self.listener.close()
        for fd in (*self.fds, self.wake, self.woken):
            os.close(fd)
        assert self.trouble is None, self.trouble


@pytest.fixture
def agent(workshop, tmp_path):
    one = Agent(tmp_path)
    yield one
    one.stop()


def notified(box, agent, script, names=("mkdir",), **more):
    return filtered(box, ["sh", "-c", script], [{"names": list(names), "action": "SCMP_ACT_NOTIFY"}],
                    listenerPath=str(agent.path), **more)


@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_agent_refuses_a_call(box, agent, no_new_privileges):
    agent.refused[NUMBERS["mkdir"]] = EROFS
    one = notified(box, agent, "mkdir /tmp/x; ls /proc/self/fd /proc/self/task; echo ran", listenerMetadata="seen by m")
    one.process["noNewPrivileges"] = no_new_privileges
    one.process["user"] = {"uid": 1000, "gid": 1000}
    one.config["annotations"] = {"org.example.key": "value"}
    done = one.run()
    assert "Read-only file system" in done.err and done.out.endswith("ran\n"), done
    fds, tasks = done.out.split("\n\n")
    assert len(fds.split()) == 5 and len(tasks.split()) == 3, f"the payload has more than its own: {done.out}"
    state, = agent.states
    assert state["fds"] == ["seccompFd"] and state["metadata"] == "seen by m"
    assert state["ociVersion"] == "1.3.0" and state["state"]["ociVersion"]
    assert state["state"]["id"] == one.id and state["state"]["status"] == "creating"
    assert state["pid"] == state["state"]["pid"] > 1
    assert state["state"]["bundle"] == str(one.bundle)
    assert state["state"]["annotations"] == {"org.example.key": "value"}
    assert [number for number, _ in agent.calls] == [NUMBERS["mkdir"]]


# All that the stage itself or a runtime's helper could call once the filter is loaded.
HANDING_OVER = """read sendmsg close execve futex sched_yield exit exit_group capset prctl fcntl ioctl openat
recvmsg getpid clone mmap""".split()


def test_no_call_of_the_runtime_waits_for_its_own_listener(box, agent):
    assert notified(box, agent, "echo ran", HANDING_OVER).run().ok() == "ran\n"
    assert {number for number, _ in agent.calls} >= {59, 231}  # execve, exit_group


def test_create_hands_over_before_start(box, agent):
    one = notified(box, agent, "mkdir /tmp/x; sleep 100", [*HANDING_OVER, "mkdir"])
    one.create().ok()
    state, = agent.states
    assert state["pid"] == one.pid() and one.status() == "created"
    one.start().ok()
    one.wait_status("running")
    done = one.inside("mkdir /tmp/y; echo $?")
    assert done.ok() == "0\n"
    assert len(agent.states) == 2, "exec's process has a listener of its own"
    second = agent.states[1]
    assert second["state"]["status"] == "running" and second["state"]["pid"] == one.pid() != second["pid"]


def test_agent_that_is_not_there(box, agent):
    one = notified(box, agent, "echo ran")
    one.linux["seccomp"]["listenerPath"] = str(agent.path) + ".gone"
    for done in (one.run(), one.create()):
        done.failed("linux.seccomp.listenerPath", str(agent.path) + ".gone", "no such file")
        assert done.out == ""
        one.assert_nothing_left()


def test_agent_and_a_cached_program(box, agent):
    for _ in range(2):
        notified(box, agent, "mkdir /tmp/x").run().ok()
    assert len(agent.states) == 2


def test_failure_before_the_listener(box, agent):
    one = notified(box, agent, "true")
    one.process["args"] = ["/no/such"]
    one.run().failed("no such file")
    one.assert_nothing_left()
    one.create().failed("no such file")
    assert agent.states == []


@pytest.mark.parametrize("change, words", [
    ({"listenerPath": ""}, ["listenerPath", "missing"]),
    ({"listenerPath": "", "listenerMetadata": "x"}, ["listenerMetadata"]),
    ({"syscalls": [{"names": ["mkdir", "write"], "action": "SCMP_ACT_NOTIFY"}]}, ["write"]),
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, ["default"]),
])
def test_refused_ways_to_notify(box, agent, change, words):
    one = notified(box, agent, "echo ran")
    one.linux["seccomp"].update(change)
    one.run().failed("linux.seccomp", *words)


def test_listener_path_without_notify_is_ignored(box):
    # config-linux.md: "If the SCMP_ACT_NOTIFY action is not used this value is ignored."
    one = filtered(box, ["echo", "ran"], [], listenerPath="/nowhere", listenerMetadata="x")
    assert one.run().ok() == "ran\n"


def test_notify_and_start_container_hooks(box, agent):
    one = notified(box, agent, "true")
    one.config["hooks"] = {"startContainer": [{"path": "/bin/true"}]}
    one.run().failed("startContainer", "SCMP_ACT_NOTIFY")


# --- actions and flags ---

@pytest.mark.parametrize("rule, outcome", [
    ({"action": "SCMP_ACT_KILL"}, "159"), ({"action": "SCMP_ACT_KILL_THREAD"}, "159"),
    ({"action": "SCMP_ACT_KILL_PROCESS"}, "159"), ({"action": "SCMP_ACT_TRAP"}, "159"),
    ({"action": "SCMP_ACT_LOG"}, "0"), ({"action": "SCMP_ACT_ALLOW"}, "0"),
    ({"action": "SCMP_ACT_ERRNO", "errnoRet": 7}, "e7"), ({"action": "SCMP_ACT_ERRNO"}, "e1"),
    ({"action": "SCMP_ACT_TRACE", "errnoRet": 5}, "e38"), ({"action": "SCMP_ACT_TRACE"}, "e38")])
def test_actions(box, rule, outcome):
    one = filtered(box, ["sh", "-c", "/call 83; echo $?"], [{"names": ["mkdir"], **rule}])
    compile_c(one.root, "call", CALL)
    assert one.run().ok().split()[-1 if outcome[0] != "e" else 0] == outcome


@pytest.mark.parametrize("action", ["ALLOW", "LOG", "TRAP", "KILL", "KILL_PROCESS", "KILL_THREAD", "NOTIFY"])
def test_errno_of_an_action_without_one(box, action):
    filtered(box, ["true"], [{"names": ["mkdir"], "action": f"SCMP_ACT_{action}", "errnoRet": 3}],
             listenerPath="/x").run().failed("linux.seccomp", "errnoRet")


def test_default_errno(box):
    one = filtered(box, ["/call", "169"], [{"names": ALLOWED, "action": "SCMP_ACT_ALLOW"}],
                   default="SCMP_ACT_ERRNO", defaultErrnoRet=77)
    compile_c(one.root, "call", CALL)
    assert one.run().out.split()[0] == "e77"
    filtered(box, ["true"], [], defaultErrnoRet=77).run().failed("errnoRet 77")


FLAGS = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"]


def test_flags(box, agent):
    one = notified(box, agent, "grep Speculation_Store /proc/self/status; mkdir /tmp/x",
                   flags=[f"SECCOMP_FILTER_FLAG_{flag}" for flag in FLAGS])
    one.run().ok()
    assert len(agent.calls) == 1


def test_features_of_seccomp(box):
    says = json.loads(box("true").runtime("features").ok())["linux"]["seccomp"]
    assert says["enabled"] is True
    assert says["knownFlags"] == [f"SECCOMP_FILTER_FLAG_{flag}" for flag in FLAGS]
    assert set(says["supportedFlags"]) <= set(says["knownFlags"])
    for flag in says["supportedFlags"]:
        filtered(box, ["true"], [], flags=[flag]).run().ok()
    for action in says["actions"]:
        default = "SCMP_ACT_ALLOW"
        one = filtered(box, ["true"], [{"names": ["swapoff"], "action": action}], default, listenerPath="/nowhere")
        done = one.run()
        assert done.status == 0 or "/nowhere" in done.err, done
    assert "SCMP_ACT_NOTIFY" in says["actions"] and len(says["actions"]) == 9
    assert len(says["operators"]) == 7
    filtered(box, ["true"], [], architectures=says["archs"]).run().ok()
    assert len(says["archs"]) == 23


# --- architectures, and calls newer than the policy ---

# Prints "eN", the errno of call argv[1], for x86_64, and with a second argument for x86.
CALL = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    long number = strtol(argv[1], 0, 0), rc;
    if (argc > 2)
        __asm__ volatile("int $0x80" : "=a"(rc) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    else
        __asm__ volatile("syscall" : "=a"(rc) : "a"(number), "D"("/tmp/called"), "S"(0), "d"(0) : "rcx", "r11", "memory");
    if (rc >= 0)
        return 0;
    printf("e%d\n", (int)-rc);
    return 1; }"""

ALLOWED = """read write open close fstat mmap mprotect munmap brk rt_sigaction rt_sigprocmask ioctl access execve exit
wait4 uname fcntl arch_prctl exit_group set_tid_address set_robust_list prlimit64 readlink rseq getrandom newfstatat
futex capset prctl""".split()


def errno_of(box, number, *x86, names=ALLOWED, action="SCMP_ACT_ALLOW", default="SCMP_ACT_ERRNO", archs=(), **more):
    one = filtered(box, ["/call", str(number), *x86], [{"names": list(names), "action": action}], default, **more)
    one.linux["seccomp"]["architectures"] = ["SCMP_ARCH_X86_64", *archs]
    compile_c(one.root, "call", CALL)
    done = one.run()
    return done.out.strip() if done.status == 1 else f"status {done.status}"


NEWER = 350  # above rseq, 334; 335 and 336 pass every filter on newer kernels


def test_newer_calls_fail_with_enosys(box):
    assert errno_of(box, NEWER) == "e38"
    assert errno_of(box, 462) == "e38"  # mseal, which this kernel may have
    assert errno_of(box, 100000) == "e38"
    assert errno_of(box, 169) == "e1"  # reboot: below the highest, refused by silence


def test_a_named_call_raises_the_limit_whatever_its_action(box):
    rules = [{"names": ALLOWED, "action": "SCMP_ACT_ALLOW"}, {"names": ["mseal"], "action": "SCMP_ACT_ERRNO"}]
    one = filtered(box, ["/call", "461"], rules, "SCMP_ACT_ERRNO", defaultErrnoRet=77)
    compile_c(one.root, "call", CALL)
    assert one.run().out == "e77\n"
    one.process["args"] = ["/call", "463"]
    assert one.run().out == "e38\n"


@pytest.mark.parametrize("default", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"])
def test_newer_calls_pass_where_the_default_is_to_allow(box, default):
    # futex_wake: 454; EINVAL or ENOSYS are the kernel's own words, by whether it has the call.
    import ctypes
    import errno
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(454, 0, 0, 0, 0)
    own = ctypes.get_errno()
    if own == errno.ENOSYS:
        pytest.skip("this kernel has no futex_wake, so that both answers look alike")
    assert errno_of(box, 454, names=["reboot"], action="SCMP_ACT_ERRNO", default=default) != "e38"


def test_killing_defaults_give_enosys_too(box):
    assert errno_of(box, NEWER, default="SCMP_ACT_KILL_PROCESS") == "e38"
    assert errno_of(box, 169, default="SCMP_ACT_KILL_PROCESS") == "status 159"


def test_default_errno_of_enosys_itself(box):
    assert errno_of(box, 169, defaultErrnoRet=ENOSYS) == "e38"
    assert errno_of(box, NEWER, defaultErrnoRet=ENOSYS) == "e38"


def x86_calls_work():
    return Path("/proc/sys/abi/vsyscall32").exists()


@pytest.mark.skipif(not x86_calls_work(), reason="this kernel runs no 32-bit programs")
def test_x86_calls(box):
    assert errno_of(box, 20, "x86") == "status 159"  # getpid: an architecture that is not listed
    x86 = {"archs": ["SCMP_ARCH_X86"], "names": [*ALLOWED, "getpid"]}
    assert errno_of(box, 20, "x86", **x86) == "status 0"
    assert errno_of(box, 88, "x86", **x86) == "e1"  # reboot
    assert errno_of(box, 450, "x86", **x86) == "e38"  # above rseq, 386
    assert errno_of(box, 387, "x86", **x86) == "e38"
