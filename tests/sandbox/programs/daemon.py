import os, signal, time
print("started", flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        print("held", flush=True)
        open("held", "w").close()
        time.sleep(600)
    os._exit(0)
while not os.path.exists("held"): time.sleep(0.01)
