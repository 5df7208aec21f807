import os, socket
from attempt import attempt
print("started", flush=True)
os.mkfifo("fifo")
os.mkfifo("package.json")
socket.socket(socket.AF_UNIX).bind("socket")
attempt("a device", lambda: os.mknod("device", 0o60666, os.makedev(8, 0)))
attempt("a memory device", lambda: os.mknod("memory", 0o20666, os.makedev(1, 1)))
