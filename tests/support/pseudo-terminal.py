"""Runs a command on a pseudo-terminal of its own: pseudo-terminal.py ROWS COLUMNS COMMAND...

Standard input and output are the terminal's keys and screen. A line `ROWS COLUMNS` on file 3 resizes it. When the
command has ended, a line on stderr says whether the terminal still echoes and reads lines, and the exit code is its.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios

rows, columns, *command = sys.argv[1:]


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


leader, follower = pty.openpty()
resize(leader, rows, columns)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(follower, fd)
    os.closerange(3, 256)
    os.execvp(command[0], command)

sources = [0, 3, leader]
ended = False
while True:
    readable, _, _ = select.select(sources, [], [], 0.05)
    for fd in readable:
        data = os.read(fd, 65536)
        if not data:
            sources.remove(fd)
        elif fd == leader:
            os.write(1, data)
        elif fd == 0:
            os.write(leader, data)
        else:
            resize(leader, *data.split())
            os.kill(child, signal.SIGWINCH)
    if ended and leader not in readable:
        break
    if not ended:
        pid, status = os.waitpid(child, os.WNOHANG)
        ended = pid != 0

flags = termios.tcgetattr(follower)[3]
restored = bool(flags & termios.ECHO) and bool(flags & termios.ICANON)
print("restored" if restored else "not restored", file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
