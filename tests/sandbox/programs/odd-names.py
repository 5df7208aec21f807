import os
print("started", flush=True)
for name in (b"\xff\xfe", b"a\nb", b"\x1b[2J", b"-rf", b"x" * 255, "\u202e".encode(), b" ", b"..."):
    os.mkdir(name)
    open(name + b"/" + name, "w").close()
    os.chmod(name, 0)
