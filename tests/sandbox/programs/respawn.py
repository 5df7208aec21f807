import os, time
print("started", flush=True)
def hand_over(generation):
    while True:
        child = os.fork()
        if child == 0:
            os.setsid()
            generation += 1
            continue
        os._exit(0)
if os.fork() == 0: hand_over(0)
time.sleep(0.2)
