import os, signal
print("started", flush=True)
try: os.kill(-1, signal.SIGKILL)
except OSError: pass
os.kill(os.getpid(), signal.SIGKILL)
