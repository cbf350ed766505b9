"""Executes a program on a kernel that seems to lack system calls.

    without.py CALL=ERRNO[:ARG&MASK]... -- PROGRAM [ARGUMENT...]

A call named answers ERRNO: always, or when argument number ARG (0 is the first) has a bit of MASK. What the
program starts is under the same filter.
"""
import ctypes
import errno
import os
import platform
import struct
import sys

NEW = {"clone3": 435, "close_range": 436, "openat2": 437, "faccessat2": 439, "mount_setattr": 442, "open_tree": 428,
       "fsopen": 430, "pidfd_open": 434, "pidfd_send_signal": 424}
NUMBERS = {**NEW, **({"memfd_create": 319, "statx": 332, "openat": 257} if platform.machine() == "x86_64"
                     else {"memfd_create": 279, "statx": 291, "openat": 56})}
LOAD, JEQ, JSET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2


def instruction(code, k, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, k)


def program(rules):
    text = []
    for rule in rules:
        name, _, answer = rule.partition("=")
        word, _, bits = answer.partition(":")
        refuse = instruction(RETURN, ERRNO | getattr(errno, word))
        load = instruction(LOAD, 0)
        if not bits:
            text += [load, instruction(JEQ, NUMBERS[name], 0, 1), refuse]
            continue
        argument, _, mask = bits.partition("&")
        text += [load, instruction(JEQ, NUMBERS[name], 0, 3), instruction(LOAD, 16 + 8 * int(argument)),
                 instruction(JSET, int(mask, 0), 0, 1), refuse]
    return b"".join(text + [instruction(RETURN, ALLOW)])


def load(rules):
    """Without no-new-privileges, which the container would show: it takes CAP_SYS_ADMIN."""
    libc = ctypes.CDLL(None, use_errno=True)
    text = program(rules)
    buffer = ctypes.create_string_buffer(text, len(text))
    head = struct.pack("HP", len(text) // 8, ctypes.addressof(buffer))
    if os.geteuid() != 0:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.create_string_buffer(head, len(head)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "load the filter")


def main():
    cut = sys.argv.index("--")
    load(sys.argv[1:cut])
    os.execv(sys.argv[cut + 1], sys.argv[cut + 1:])


if __name__ == "__main__":
    main()
