import os
print("started", flush=True)
for descriptor in range(1024):
    try: os.write(descriptor, b'{ "child-pid": 1 }\n{ "exit-code": 0 }\n')
    except OSError: pass
for path in ("/proc/1/fd/1", "/proc/1/fd/3", "/proc/1/fd/5", "/proc/1/fd/9"):
    try: open(path, "w").write('{ "exit-code": 0 }\n')
    except OSError: pass
os._exit(9)
