import os, time
print("started", flush=True)
for descriptor in range(3): os.close(descriptor)
if os.fork() == 0: os.setsid()
while True: time.sleep(600)
