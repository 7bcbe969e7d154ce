// The init of a pod that shares its PID namespace: it reaps what nobody waits for and ends when asked. Since every
// container of the pod can see it, it holds nothing: no capabilities, no open files, an empty root directory.

#include "pin.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { nobody = 65535, last_capability = 63 };

// An empty tmpfs is the root, so that /proc/1/root shows nothing.
static void enter_empty_root(void) {
    if (unshare(CLONE_NEWNS) != 0) fail("unshare", "mount", errno);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("mount", "private /", errno);
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") != 0)
        fail("mount", "empty root", errno);
    if (chdir("/tmp") != 0) fail("chdir", "empty root", errno);
    if (syscall(SYS_pivot_root, ".", ".") != 0) fail("pivot_root", "empty root", errno);
    if (umount2(".", MNT_DETACH) != 0) fail("umount", "old root", errno);
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        fail("mount", "read-only root", errno);
    if (chdir("/") != 0) fail("chdir", "/", errno);
}

static void drop_privileges(void) {
    for (int capability = 0; capability <= last_capability; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    // In a user namespace the number may be unmapped; without capabilities its root is as good.
    if (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0) errno = 0;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    if (syscall(SYS_capset, &header, none) != 0) fail("capset", "none", errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl", "no_new_privs", errno);
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
    _exit(1);
}

pid_t start_init(void) {
    int ready[2];
    if (pipe(ready) != 0) fail("pipe", "init", errno);
    pid_t init = fork();
    if (init < 0) fail("fork", "init", errno);
    if (init > 0) {
        close(ready[1]);
        char byte;
        // It is pinned only once it is confined.
        if (read(ready[0], &byte, 1) != 1) _exit(1);
        return init;
    }
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "swiftlet-init");
    enter_empty_root();
    drop_privileges();
    if (write(ready[1], "", 1) != 1) _exit(1);
    // It has no standard streams either: nobody reads them, and /dev/null is out of reach by now.
    syscall(SYS_close_range, 0, ~0U, 0);
    reap_until_asked_to_end();
    _exit(1);
}
