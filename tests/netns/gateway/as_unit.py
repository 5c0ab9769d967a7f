"""Run a program as systemd would run it under a unit file: `as_unit.py UNIT UID STATE RUN CONFIG COMMAND...`.

For places where systemd is not process 1: a host of the lab, entered as its root.
What a service manager can do without being one is done with the values of the
unit itself - user, capabilities, no new privileges, umask, the views of the file
system, system calls and socket families - and nothing of the machine is touched:
the mount namespace is a new one, and user and group exist only in it.  Not
imitated: DevicePolicy (a cgroup's), RestrictRealtime, RestrictSUIDSGID.
"""

import ctypes
import os
import stat
import subprocess
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS = 0x20000, 0x4000000
NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
"""The CLONE_NEW flags of clone(2)."""
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
ALL_FAMILIES = 46
HOMES = ("/root", "/home", "/run/user")
STAGE = Path("/run/as-unit")
"""Where what hides under something else is held meanwhile; /run is the lab host's own."""

# seccomp.h
ALLOW, EQUAL, MASKED = 0x7FFF0000, 4, 7


def errno_action(number):
    """SCMP_ACT_ERRNO."""
    return 0x00050000 | number


def read_unit(path):
    """Key to the words of all its values."""
    settings = {}
    for line in Path(path).read_text().splitlines():
        if "=" in line and line[:1] not in "#;":
            key, _, value = line.partition("=")
            settings.setdefault(key, []).extend(value.split())
    return settings


# --- file system


def mount(*arguments):
    """Call the program."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def bind(source, target):
    """Show ``source`` at ``target``, which is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    mount("--bind", source, target)


def hide(unit, shown):
    """ProtectHome and PrivateTmp, with the paths ``shown`` still to be seen: this checkout may be in a home."""
    for number, path in enumerate(shown):
        bind(path, STAGE / str(number))
    hidden = HOMES * (unit["ProtectHome"] == ["yes"]) + ("/tmp", "/var/tmp") * (unit["PrivateTmp"] == ["yes"])
    for place in hidden:
        if Path(place).is_dir():
            mount("-t", "tmpfs", "-o", f"mode={'1777' if 'tmp' in place else '755'}", "tmpfs", place)
    for number, path in enumerate(shown):
        bind(STAGE / str(number), path)


def close_file_system(writable):
    """ProtectSystem=strict: everything is read-only but /proc, /sys, /dev, the private /tmp and ``writable``."""
    left = ("/proc", "/sys", "/dev", "/tmp", "/var/tmp", *map(str, writable))
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point not in left and not point.startswith(("/proc/", "/sys/", "/dev/")):
            # One that lies hidden under a later mount is refused; what counts is what the program sees.
            subprocess.run(["mount", "-o", "remount,bind,ro", point], check=False, stderr=subprocess.DEVNULL)


def add_devices():
    """/dev/net/tun is for everybody where udev runs (50-udev-default.rules), and root's where it does not."""
    if not Path("/dev/net/tun").exists():
        return
    os.mknod(STAGE / "tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    (STAGE / "tun").chmod(0o666)
    mount("--bind", STAGE / "tun", "/dev/net/tun")


def add_user(uid, name):
    """The user and group, for whoever looks in this mount namespace."""
    for file, line in (("passwd", f"{name}:x:{uid}:{uid}::/:/bin/false"), ("group", f"{name}:x:{uid}:")):
        copy = STAGE / file
        copy.write_text(Path("/etc", file).read_text() + line + "\n")
        mount("--bind", copy, Path("/etc", file))


# --- system calls


class Argument(ctypes.Structure):
    """scmp_arg_cmp."""

    _fields_ = (
        ("number", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class Filter:
    """One seccomp filter."""

    def __init__(self, default):
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_rule_add_array.argtypes = (
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_void_p,
        )
        self._library.seccomp_load.argtypes = (ctypes.c_void_p,)
        self._context = self._library.seccomp_init(ctypes.c_uint32(default))

    def add(self, action, call, *arguments):
        """A rule; a call that this architecture does not have is passed over, as systemd does."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (Argument * len(arguments))(*arguments)
            done = self._library.seccomp_rule_add_array(self._context, action, number, len(arguments), array)
            assert done == 0, (call, done)

    def load(self):
        """From now on."""
        done = self._library.seccomp_load(self._context)
        assert done == 0, done


def system_calls(group):
    """The names in a group such as @system-service, from systemd's own list."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True
    )
    for line in listed.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            yield from system_calls(word)
        elif word and not word.startswith("#"):
            yield word


def close_system_calls(unit):
    """SystemCallFilter, RestrictAddressFamilies, RestrictNamespaces."""
    filters = [families(unit["RestrictAddressFamilies"])]
    if unit["RestrictNamespaces"] == ["yes"]:
        filters.append(no_namespaces())
    allowed = Filter(errno_action(1))
    for group in unit["SystemCallFilter"]:
        for call in {*system_calls(group), "execve"}:
            allowed.add(ALLOW, call)
    for each in (*filters, allowed):
        each.load()


def families(names):
    """Refuses sockets of other families with EAFNOSUPPORT."""
    found = Filter(ALLOW)
    for number in set(range(ALL_FAMILIES)) - {FAMILIES[name] for name in names}:
        found.add(errno_action(97), "socket", Argument(0, EQUAL, number, 0))
    return found


def no_namespaces():
    """Refuses new namespaces, and entering others, with EPERM."""
    found = Filter(ALLOW)
    for flag in NAMESPACES:
        found.add(errno_action(1), "unshare", Argument(0, MASKED, flag, flag))
        found.add(errno_action(1), "clone", Argument(0, MASKED, flag, flag))
    found.add(errno_action(1), "setns")
    return found


# --- all of it


def main(unit_file, uid, state, run, config, *command):
    """Become the service and run the command in its place."""
    unit = read_unit(unit_file)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0, os.strerror(ctypes.get_errno())
    mount("--make-rprivate", "/")
    STAGE.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", STAGE)
    for place, mode in ((state, unit["StateDirectoryMode"]), (run, unit["RuntimeDirectoryMode"])):
        os.chown(place, int(uid), int(uid))
        Path(place).chmod(int(mode[0], 8))
    checkout = Path(__file__).resolve().parents[3]
    hide(
        unit,
        [Path(one) for one in dict.fromkeys((state, run, config, checkout, sys.prefix, sys.base_prefix))],
    )
    add_devices()
    add_user(uid, unit["User"][0])
    if unit.get("ProtectProc") == ["invisible"]:
        mount("-t", "proc", "-o", "hidepid=invisible", "proc", "/proc")
    if unit["ProtectSystem"] == ["strict"]:
        close_file_system((state, run))
    os.chdir(state)
    os.umask(int(unit["UMask"][0], 8))
    capabilities = ",".join(["-all", *(f"+{name.lower()[4:]}" for name in unit["AmbientCapabilities"])])
    bounds = ",".join(["-all", *(f"+{name.lower()[4:]}" for name in unit["CapabilityBoundingSet"])])
    rights = [
        *("--reuid", uid, "--regid", uid, "--clear-groups"),
        *("--inh-caps", capabilities, "--ambient-caps", capabilities, "--bounding-set", bounds),
        *(["--no-new-privs"] if unit["NoNewPrivileges"] == ["yes"] else []),
    ]
    close_system_calls(unit)
    os.execvp("setpriv", ["setpriv", *rights, "--", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
