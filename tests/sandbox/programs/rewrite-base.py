import hashlib, os, sys
print("started", flush=True)
def state():
    for directory, names, files in os.walk("."):
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode & 0o777
            content = os.readlink(path) if os.path.islink(path) else "" if os.path.isdir(path) else hashlib.sha256(open(path, "rb").read()).hexdigest()
            yield f"{path} {mode:o} {content}"
# The next run on the same base has to find the same.
print("found", hashlib.sha256("\n".join(sorted(state())).encode()).hexdigest(), flush=True)
for directory, names, files in os.walk(".", topdown=False):
    for number, name in enumerate(files):
        path = os.path.join(directory, name)
        if os.path.islink(path): os.unlink(path); continue
        os.chmod(path, 0o666)
        if number % 4 == 0: os.unlink(path)
        elif number % 4 == 1: os.truncate(path, 0)
        elif number % 4 == 2: open(path, "ab").write(b"import os; os._exit(0)\n"); os.link(path, path + ".linked")
        else: os.rename(path, path + ".moved"); os.symlink("/etc/passwd", path)
    for name in names:
        path = os.path.join(directory, name)
        if os.path.islink(path): os.unlink(path)
        else: os.rename(path, path + ".moved"); os.chmod(path + ".moved", 0)
os.makedirs("tests", exist_ok=True)
open("tests/conftest.py", "w").write("import os; os._exit(0)\n")
os.utime(".", (0, 0))
os.chmod(".", 0)
os._exit(0)
