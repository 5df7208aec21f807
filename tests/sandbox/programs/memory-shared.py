import mmap
print("started", flush=True)
kept = []
while True:
    block = mmap.mmap(-1, 16 << 20)
    for offset in range(0, len(block), 4096): block[offset] = 1
    kept.append(block)
