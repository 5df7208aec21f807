import fcntl, socket, struct
from attempt import attempt
print("started", flush=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
address = struct.pack("16sH2s4s8s", b"lo", socket.AF_INET, b"", socket.inet_aton("10.1.2.3"), b"")
attempt("give an interface an address", lambda: fcntl.ioctl(s, 0x8916, address))
attempt("take an interface down", lambda: fcntl.ioctl(s, 0x8914, struct.pack("16sH22s", b"lo", 0, b"")))
attempt("make a bridge", lambda: fcntl.ioctl(s, 0x89A0, b"br0\0"))
attempt("make a tunnel", lambda: open("/dev/net/tun", "r+b"))
attempt("add a route", lambda: fcntl.ioctl(s, 0x890B, b"\0" * 120))
def new_link():
    n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    n.settimeout(2)
    n.send(struct.pack("IHHII", 44, 16, 0x605, 1, 0) + struct.pack("BxHiII", 0, 0, 0, 0, 0) + struct.pack("HH8s", 12, 3, b"dummy0\0"))
    code = struct.unpack_from("i", n.recv(4096), 16)[0]
    if code: raise OSError(-code, "refused")
attempt("make a link", new_link)
