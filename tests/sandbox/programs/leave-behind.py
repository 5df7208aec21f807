import ctypes, os, socket, subprocess, time
print("started", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
KEY, SECRET = 0x5EC12E7, os.environ["HOSTILE_SECRET"].encode()
libc.shmat.restype = ctypes.c_void_p
for path in ("/tmp/left", "/dev/shm/left", "left", "/var/tmp/left", "/run/left"):
    try: open(path, "wb").write(SECRET)
    except OSError: pass
place = libc.shmat(libc.shmget(KEY, 4096, 0o1666), None, 0)
if place != ctypes.c_void_p(-1).value: ctypes.memmove(place, SECRET, len(SECRET))
libc.semget(KEY, 1, 0o1666)
queue = libc.msgget(KEY, 0o1666)
libc.msgsnd(queue, ctypes.create_string_buffer(b"\1" + b"\0" * 7 + SECRET), len(SECRET), 0o4000)
libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)
kept = []
for address in (b"\0countersign-left", b"/tmp/left.socket"):
    server = socket.socket(socket.AF_UNIX); server.bind(address); server.listen(); kept.append(server)
loopback = socket.create_server(("127.0.0.1", 45_678)); kept.append(loopback)
# The host sees by it that everything is left; then it stays until the other one has looked.
subprocess.Popen(["sh", "-c", "sleep 600", SECRET])
time.sleep(600)
