import os
from attempt import PATHS, attempt, show
print("started", flush=True)
processes = [name for name in os.listdir("/proc") if name.isdigit()] + ["self", "thread-self"]
for process in processes:
    for way in ("root", "cwd", "root/..", "cwd/..", "cwd/../..", "task/1/root", "map_files", "fd/0/..", "fd/../../.."):
        for path in PATHS:
            attempt(f"{process} {way}", lambda: open(f"/proc/{process}/{way}{path}").read())
directory = os.open("/", os.O_RDONLY)
attempt("above the root", lambda: open(os.open("../../.." + PATHS[0], os.O_RDONLY, dir_fd=directory)).read())
