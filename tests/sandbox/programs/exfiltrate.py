import socket, urllib.request
from attempt import attempt
print("started", flush=True)
for address in ("8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "255.255.255.255", "224.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    def send():
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(b"secret", (address, 53))
    attempt(address, send)
attempt("a name", lambda: socket.getaddrinfo("example.com", 443))
attempt("a page", lambda: urllib.request.urlopen("https://example.com", timeout=1).read(10))
