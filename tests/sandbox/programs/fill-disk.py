import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print("started", flush=True)
MIB = 1 << 20
def fill(directory, most):
    """In pieces below the longest file that is allowed. @returns the MiB that found room"""
    block, room = bytes(MIB), 0
    try:
        while room < most:
            with open(f"{directory}/{room}", "wb", buffering=0) as file:
                for _ in range(32):
                    if file.write(block) < MIB: return room
                    room += 1
    except OSError: pass
    return room
for directory, most in (("/tmp", 80), ("/dev/shm", 80), (".", 160)):
    room = fill(directory, most)
    print("BREAKOUT" if room >= most else "refused after", directory, room, flush=True)
os.chmod(".", 0)
os._exit(0)
