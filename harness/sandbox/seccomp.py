"""A filter of system calls: as a small BPF program for `bwrap --seccomp`, as a profile in JSON for container engines.

Namespaces decide what the box contains; the filter takes away calls that its code never needs and that have
been ways out of boxes: new namespaces and mounts, tracing other processes, kernel interfaces with many flaws
in the past. A refused call fails with EPERM and does not end the process, so that libraries can do without.

Source: linux/filter.h, linux/seccomp.h, the kernel's tables of system calls, and the seccomp section of
https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Any

__all__ = ["seccomp_profile", "seccomp_program"]

NONE = -1      # the architecture lacks the call

# Numbers on x86_64 and on aarch64.
DENIED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262), "quotactl": (179, 60), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "syslog": (103, 116), "reboot": (169, 142),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "iopl": (172, NONE), "ioperm": (173, NONE),
}
CLONE = (56, 220)
CLONE3 = (435, 435)
SOCKET = (41, 198)
SOCKETPAIR = (53, 199)
IOCTL = (16, 29)

NEW_NAMESPACES = 0x7E020000     # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
FAMILIES = (1, 2, 10, 16)       # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; vsock, for one, knows no namespaces
TERMINAL = (0x5412, 0x541C)     # TIOCSTI, TIOCLINUX: typing into a terminal

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
X32 = 0x40000000
LOW_HALF = 0xFFFFFFFF   # what the kernel takes of an argument that is an int

LOAD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24     # offsets in struct seccomp_data; arguments: low halves
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000

Instruction = tuple[int, int, int, int]     # code, jump if true, jump if false, k


def seccomp_program(machine: str | None = None) -> bytes | None:
    """Assemble the filter for this machine's architecture; None where its numbers are not known."""
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    architecture, column = known
    program: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER),
    ]
    if column == 0:
        program += [(AT_LEAST, 0, 1, X32), _fail(errno.EPERM)]
    for numbers in DENIED.values():
        if numbers[column] != NONE:
            program += [(EQUAL, 0, 1, numbers[column]), _fail(errno.EPERM)]
    # glibc falls back from clone3, whose flags lie in memory that a filter cannot see, to clone.
    program += [(EQUAL, 0, 1, CLONE3[column]), _fail(errno.ENOSYS)]
    program += _where(CLONE[column], FIRST, [(ANY_BIT, 0, 1, NEW_NAMESPACES), _fail(errno.EPERM)])
    for call in (SOCKET, SOCKETPAIR):
        skip = [(EQUAL, len(FAMILIES) - index, 0, family) for index, family in enumerate(FAMILIES)]
        program += _where(call[column], FIRST, [*skip, _fail(errno.EAFNOSUPPORT)])
    refused = [step for request in TERMINAL for step in ((EQUAL, 0, 1, request), _fail(errno.EPERM))]
    program += _where(IOCTL[column], SECOND, refused)
    program.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *step) for step in program)


def seccomp_profile(machine: str | None = None) -> dict[str, Any] | None:
    """Give the same filter as container engines read it; None where the architecture is not known.

    An engine takes several conditions on one argument of a call as alternatives; each rule here has one condition.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return None
    column = ARCHITECTURES[machine][1]
    denied = [name for name, numbers in DENIED.items() if numbers[column] != NONE]
    bits = [1 << place for place in range(32) if NEW_NAMESPACES >> place & 1]
    others = [number for number in range(max(FAMILIES)) if number not in FAMILIES]
    sockets = ["socket", "socketpair"]
    rules = [
        _rule(denied, errno.EPERM), _rule(["clone3"], errno.ENOSYS),
        *(_rule(["clone"], errno.EPERM, _masked(0, bit, bit)) for bit in bits),
        *(_rule(sockets, errno.EAFNOSUPPORT, _masked(0, LOW_HALF, number)) for number in others),
        _rule(sockets, errno.EAFNOSUPPORT, {"index": 0, "value": max(FAMILIES), "op": "SCMP_CMP_GT"}),
        *(_rule(["ioctl"], errno.EPERM, _masked(1, LOW_HALF, request)) for request in TERMINAL),
    ]
    return {
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": [f"SCMP_ARCH_{machine.upper()}"], "syscalls": rules}


def _rule(names: list[str], number: int, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": list(conditions)}


def _masked(index: int, mask: int, wanted: int) -> dict[str, Any]:
    """Compare the bits of an argument that are in `mask`."""
    return {"index": index, "value": mask, "valueTwo": wanted, "op": "SCMP_CMP_MASKED_EQ"}


def _fail(number: int) -> Instruction:
    return (RETURN, 0, 0, FAIL | number)


def _where(call: int, argument: int, steps: list[Instruction]) -> list[Instruction]:
    """Run steps on an argument of one call; what they let pass goes on with the call's number again."""
    inner = [(LOAD, 0, 0, argument), *steps, (LOAD, 0, 0, NUMBER)]
    return [(EQUAL, 0, len(inner), call), *inner]
