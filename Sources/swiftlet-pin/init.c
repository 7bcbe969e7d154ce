// The init of a pod that shares its PID namespace: it reaps what nobody waits for and ends when asked. Since every
// container of the pod can see it, it holds nothing: no capabilities, no files, an empty root directory, no arguments
// or environment that tell of the host.

#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char init_name[] = "swiftlet-init";

enum { nobody = 65535, last_capability = 63, ready_fd = 3, go_fd = 4 };

int open_own_file(void) {
    int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0) fail("open_tree", "swiftlet-pin's own file", errno);
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0)
        fail("mount_setattr", "swiftlet-pin's own file", errno);
    return fd;
}

pid_t start_init(int own_file, int ready, int go) {
    pid_t init = fork();
    if (init < 0) fail("fork", "the pod's init", errno);
    if (init > 0) return init;
    // Duplicates first: either number may be the other's.
    int high_ready = fcntl(ready, F_DUPFD_CLOEXEC, 16), high_go = fcntl(go, F_DUPFD_CLOEXEC, 16);
    int high_file = fcntl(own_file, F_DUPFD_CLOEXEC, 16);
    if (dup2(high_ready, ready_fd) < 0 || dup2(high_go, go_fd) < 0 || high_file < 0) fail("dup2", "the init's pipes", errno);
    char *arguments[] = {(char *)init_name, NULL}, *environment[] = {NULL};
    syscall(SYS_execveat, high_file, "", arguments, environment, AT_EMPTY_PATH);
    fail("execveat", "swiftlet-pin as the pod's init", errno);
}

// An empty tmpfs is the root, so that /proc/1/root shows nothing. It is mounted on /proc, which every host has; what is
// below it goes away with the old root.
static void enter_empty_root(void) {
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    if (unshare(CLONE_NEWNS) != 0) fail("unshare", "mount namespace of the init", errno);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("mount", "private /", errno);
    if (mount("tmpfs", "/proc", "tmpfs", flags, "size=4k,mode=555") != 0) fail("mount", "empty root", errno);
    if (chdir("/proc") != 0) fail("chdir", "empty root", errno);
    if (syscall(SYS_pivot_root, ".", ".") != 0) fail("pivot_root", "empty root", errno);
    if (umount2(".", MNT_DETACH) != 0) fail("umount", "old root", errno);
    if (chdir("/") != 0) fail("chdir", "/", errno);
}

// Where a user namespace does not map the number, its root without capabilities is as good.
static int is_refused(int result) { return result != 0 && errno != EINVAL; }

static void drop_privileges(void) {
    for (int capability = 0; capability <= last_capability; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (setgroups(0, NULL) != 0) fail("setgroups", "none", errno);
    if (is_refused(setresgid(nobody, nobody, nobody))) fail("setresgid", "65535", errno);
    if (is_refused(setresuid(nobody, nobody, nobody))) fail("setresuid", "65535", errno);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0) fail("capset", "none", errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl", "no_new_privs", errno);
}

static void block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void reap_until_asked_to_end(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    for (int signal; sigwait(&set, &signal) == 0;) {
        if (signal != SIGCHLD) _exit(0);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
}

void run_init(void) {
    block_signals();
    setsid();
    prctl(PR_SET_NAME, init_name);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) fail("open", "/dev/null", errno);
    enter_empty_root();
    drop_privileges();
    for (int standard = 0; standard <= 2; standard++) dup2(null, standard);
    tell(ready_fd);
    // Whoever started it may have died before it could say where it is.
    if (!is_told(go_fd)) _exit(1);
    syscall(SYS_close_range, 3, ~0U, 0);
    reap_until_asked_to_end();
    _exit(1);
}
