import signal
print("started", flush=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
block = bytes(1 << 20)
for place in ("/tmp", "/dev/shm", "/run", "/var", "/dev", "/"):
    written = 0
    try:
        for number in range(64):
            with open(f"{place}/fill-{number}", "wb", buffering=0) as file:
                for _ in range(64):
                    if file.write(block) < len(block): raise OSError("full")
                    written += 1
    except OSError: pass
    if written > 256: print("BREAKOUT", place, written)
