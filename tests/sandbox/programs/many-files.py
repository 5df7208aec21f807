import os
print("started", flush=True)
os.mkdir("many")
try:
    for number in range(8_000): os.close(os.open(f"many/{number}", os.O_CREAT | os.O_WRONLY))
except OSError: pass
os.chmod("many", 0)
