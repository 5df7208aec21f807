import sys, threading
print("started", flush=True)
sys.setrecursionlimit(10**9)
threading.stack_size(512 << 20)
def down(n): return down(n + 1) + 1
thread = threading.Thread(target=down, args=(0,))
thread.start()
thread.join()
