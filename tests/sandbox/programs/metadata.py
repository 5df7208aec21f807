import socket
from attempt import attempt
print("started", flush=True)
for address in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "metadata.google.internal", "192.0.0.192"):
    attempt(address, lambda: socket.create_connection((address, 80), 1))
