import socket
from attempt import attempt
print("started", flush=True)
for address in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "metadata.google.internal", "192.0.0.192", "::ffff:169.254.169.254", "fe80::a9fe:a9fe%lo"):
    attempt(address, lambda: socket.create_connection((address, 80), 1))
def ask(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.sendto(b"?", (address, 53))
        return client.recv(100)
for address in ("169.254.169.254", "169.254.169.253", "fd00:ec2::253", "8.8.8.8"): attempt(f"datagram {address}", lambda: ask(address))
