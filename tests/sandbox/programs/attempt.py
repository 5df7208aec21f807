"""What every hostile program reports: each attempt is refused, or it is a way out."""

import os

PATHS = [path for path in os.environ.get("CANARY_PATHS", "").split(":") if path]
PORT = int(os.environ.get("CANARY_PORT", "0"))
ABSTRACT = os.environ.get("CANARY_ABSTRACT", "")
SOCKET = os.environ.get("CANARY_SOCKET", "")
PIDS = [int(pid) for pid in os.environ.get("CANARY_PIDS", "").split(":") if pid]
ESCAPED = os.environ.get("CANARY_ESCAPED", "")


def attempt(name, action):
    try:
        value = action()
    except BaseException as error:
        print("refused", name, type(error).__name__, flush=True)
    else:
        print("BREAKOUT", name, repr(value)[:300], flush=True)


def show(name, action):
    """For what may be read: the host looks for its secret in what is shown."""
    try:
        print("shown", name, repr(action())[:20000], flush=True)
    except BaseException as error:
        print("refused", name, type(error).__name__, flush=True)


def write(path, text):
    """At once: what is refused late, when a buffer is emptied, would look like success."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try: return os.write(descriptor, text.encode())
    finally: os.close(descriptor)


def syscall(number, *arguments):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
