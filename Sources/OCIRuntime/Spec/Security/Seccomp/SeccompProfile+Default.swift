import OCI

extension SeccompProfile {
    /// The profile of `RuntimeDefault`: what programs in containers need is allowed, what reaches past a container's walls
    /// only together with the capability for it. Known but refused calls answer EPERM, unknown ones ENOSYS, so that
    /// libraries fall back. It allows nothing that the containers tools' profile does not allow, and less where only a
    /// capability makes a call work: mounts, new namespaces, keys, the kernel's log.
    public static let runtimeDefault = SeccompProfile(
        defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38,
        archMap: [
            .init(architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
            .init(architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"]),
        ],
        syscalls: Array(
            [
                [Rule(names(always), action: "SCMP_ACT_ALLOW"), Rule(names(refused), action: "SCMP_ACT_ERRNO", errnoRet: 1)],
                personality, byArchitecture, sockets, cloning, measuring, byCapability.flatMap(gate),
            ].joined()))

    private static func names(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

    private static let always = """
        _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32
        clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
        clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
        epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
        execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
        fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork
        fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex
        futex_time64 futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
        getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid
        getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid
        getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init
        inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get
        ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr
        link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier
        memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect
        mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
        mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep
        newfstatat open openat openat2 pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free
        pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv
        process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat
        readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2
        restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg
        sendto set_mempolicy set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32
        setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32
        setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl
        shmdt shmget shutdown sigaltstack signal signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice
        stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
        timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate
        truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork wait4 waitid
        waitpid write writev
        """

    private static let refused = """
        bdflush io_pgetevents_old kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat oldlstat
        oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapoff swapon
        syscall sysfs uselib userfaultfd ustat vm86 vm86old vmsplice add_key keyctl request_key
        """

    private static let personality = [0, 8, 0x20000, 0x20008, 0xffff_ffff].map { value in
        Rule(["personality"], action: "SCMP_ACT_ALLOW", args: [.init(index: 0, value: UInt64(value), op: "SCMP_CMP_EQ")])
    }

    private static let byArchitecture = [
        Rule(names("arch_prctl modify_ldt"), action: "SCMP_ACT_ALLOW", includes: .init(arches: ["amd64", "x86"])),
        Rule(
            names("arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"), action: "SCMP_ACT_ALLOW",
            includes: .init(arches: ["arm", "arm64"])),
    ]

    /// AF_VSOCK (40) leads to the hypervisor, audit netlink (family 16, protocol 9) to the host's log. Without the
    /// capability audit answers EINVAL, from which login programs see that there is none and go on.
    private static let sockets: [Rule] =
        [
            Rule(["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 1, args: [.init(index: 0, value: 40, op: "SCMP_CMP_EQ")]),
            Rule(
                ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 22,
                args: [.init(index: 0, value: 16, op: "SCMP_CMP_EQ"), .init(index: 2, value: 9, op: "SCMP_CMP_EQ")],
                excludes: .init(caps: ["CAP_AUDIT_WRITE"])),
            Rule(["socket"], action: "SCMP_ACT_ALLOW", args: [.init(index: 0, value: 16, op: "SCMP_CMP_LT")]),
            Rule(
                ["socket"], action: "SCMP_ACT_ALLOW",
                args: [.init(index: 0, value: 16, op: "SCMP_CMP_EQ"), .init(index: 2, value: 9, op: "SCMP_CMP_NE")],
                excludes: .init(caps: ["CAP_AUDIT_WRITE"])),
            Rule(
                ["socket"], action: "SCMP_ACT_ALLOW", args: [.init(index: 0, value: 16, op: "SCMP_CMP_EQ")],
                includes: .init(caps: ["CAP_AUDIT_WRITE"])),
            Rule(["socket"], action: "SCMP_ACT_ALLOW", args: [.init(index: 0, value: 40, op: "SCMP_CMP_GT")]),
        ]
        // One comparison an argument is all that libseccomp takes, so what lies between is named one by one.
        + (17..<40).map { Rule(["socket"], action: "SCMP_ACT_ALLOW", args: [.init(index: 0, value: $0, op: "SCMP_CMP_EQ")]) }

    /// The flags of clone(2) that make namespaces: mount, cgroup, UTS, IPC, user, PID, network.
    private static let namespaceFlags: [UInt64] = [
        0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
    ]

    /// clone without any flag of a new namespace; clone3 hides its flags in memory, so it answers ENOSYS and libc takes clone.
    private static let cloning: [Rule] =
        [
            Rule(
                ["clone"], action: "SCMP_ACT_ALLOW",
                args: [.init(index: 0, value: namespaceFlags.reduce(0, |), valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")],
                excludes: .init(caps: ["CAP_SYS_ADMIN"])),
            Rule(["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: .init(caps: ["CAP_SYS_ADMIN"])),
        ]
        + namespaceFlags.map { flag in
            Rule(
                ["clone"], action: "SCMP_ACT_ERRNO", errnoRet: 1,
                args: [.init(index: 0, value: flag, valueTwo: flag, op: "SCMP_CMP_MASKED_EQ")], excludes: .init(caps: ["CAP_SYS_ADMIN"]))
        }

    /// bpf and perf_event_open come with a capability of their own or with the one over all of the system.
    private static let measuring: [Rule] = [("bpf", "CAP_BPF"), ("perf_event_open", "CAP_PERFMON")].flatMap { name, capability in
        [
            Rule([name], action: "SCMP_ACT_ALLOW", includes: .init(caps: [capability])),
            Rule(
                [name], action: "SCMP_ACT_ALLOW", includes: .init(caps: ["CAP_SYS_ADMIN"]), excludes: .init(caps: [capability])),
            Rule([name], action: "SCMP_ACT_ERRNO", errnoRet: 1, excludes: .init(caps: ["CAP_SYS_ADMIN", capability])),
        ]
    }

    /// Calls that come with a capability; without it they answer EPERM.
    private static let byCapability: [(capability: String, names: String)] = [
        (
            "CAP_SYS_ADMIN",
            """
            clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree
            pivot_root quotactl quotactl_fd setdomainname sethostname setns umount umount2 unshare
            """
        ),
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        ("CAP_SYS_BOOT", "reboot"),
        ("CAP_SYS_CHROOT", "chroot"),
        ("CAP_SYS_MODULE", "delete_module finit_module init_module query_module"),
        ("CAP_SYS_PACCT", "acct"),
        ("CAP_SYS_PTRACE", "kcmp process_madvise"),
        ("CAP_SYS_RAWIO", "ioperm iopl"),
        ("CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
        ("CAP_SYS_TTY_CONFIG", "vhangup"),
        ("CAP_SYSLOG", "syslog"),
    ]

    private static func gate(_ entry: (capability: String, names: String)) -> [Rule] {
        // clone and clone3 have refusals of their own above.
        let refused = names(entry.names).filter { $0 != "clone" && $0 != "clone3" }
        return [
            Rule(names(entry.names), action: "SCMP_ACT_ALLOW", includes: .init(caps: [entry.capability])),
            Rule(refused, action: "SCMP_ACT_ERRNO", errnoRet: 1, excludes: .init(caps: [entry.capability])),
        ]
    }
}
