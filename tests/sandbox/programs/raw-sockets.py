import socket
from attempt import attempt
print("started", flush=True)
for name, family, kind, protocol in (
    ("icmp", socket.AF_INET, socket.SOCK_RAW, 1), ("icmp6", socket.AF_INET6, socket.SOCK_RAW, 58),
    ("tcp", socket.AF_INET, socket.SOCK_RAW, 6), ("packet", 17, socket.SOCK_RAW, 0x0300), ("packet dgram", 17, socket.SOCK_DGRAM, 0x0300),
    ("netfilter", 16, socket.SOCK_RAW, 12), ("audit", 16, socket.SOCK_RAW, 9), ("uevents", 16, socket.SOCK_RAW, 15),
    ("crypto", 38, socket.SOCK_SEQPACKET, 0), ("vsock", 40, socket.SOCK_STREAM, 0), ("bluetooth", 31, socket.SOCK_RAW, 1),
    ("can", 29, socket.SOCK_RAW, 1), ("tipc", 30, socket.SOCK_SEQPACKET, 0), ("rds", 21, socket.SOCK_SEQPACKET, 0), ("xdp", 44, socket.SOCK_RAW, 0),
):
    attempt(name, lambda: socket.socket(family, kind, protocol))
