import sys
print("started", flush=True)
for stream in (sys.stdout, sys.stderr):
    stream.buffer.write(b"\0\xff\xfe\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80" * 200_000)
