import os, socket
from attempt import ABSTRACT, SOCKET, attempt
print("started", flush=True)
def connect(address):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(1)
    connection.connect(address)
    return connection.recv(100)
attempt("abstract", lambda: connect(b"\0" + ABSTRACT.encode()))
for path in (SOCKET, "/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/run/containerd/containerd.sock", "/tmp/.X11-unix/X0"):
    attempt(path, lambda: connect(path))
listed = open("/proc/net/unix").read()
attempt("names of the host's sockets", lambda: {True: listed}[ABSTRACT in listed or SOCKET in listed])
