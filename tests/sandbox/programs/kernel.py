from attempt import attempt, syscall
print("started", flush=True)
for name, number in (
    ("keyctl", 250), ("add_key", 248), ("request_key", 249), ("bpf", 321), ("perf_event_open", 298), ("io_uring_setup", 425),
    ("userfaultfd", 323), ("init_module", 175), ("finit_module", 313), ("kexec_load", 246), ("reboot", 169), ("swapon", 167),
    ("open_by_handle_at", 304), ("name_to_handle_at", 303), ("fanotify_init", 300), ("iopl", 172), ("acct", 163), ("syslog", 103),
    ("quotactl", 179), ("fsopen", 430), ("open_tree", 428), ("move_mount", 429), ("pivot_root", 155), ("modify_ldt", 154), ("kcmp", 312),
):
    attempt(name, lambda: syscall(number, 0, 0, 0, 0, 0))
