import os
print("started", flush=True)
for _ in range(1_500):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
    open("x", "w").close()
    os.chmod(".", 0o500)
