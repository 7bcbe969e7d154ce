// Sysctls of the pod, KEY=VALUE as sysctl(8) takes them. Only those that belong to a namespace that is made here are
// written: any other would be the host's.

#include "pin.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

// The file of a setting below /proc/sys.
static void find_file(const char *setting, char path[PATH_SIZE]) {
    static const char root[] = "/proc/sys/";
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting) fail_because("sysctl", setting, "is not KEY=VALUE");
    size_t length = (size_t)(equals - setting);
    if (sizeof root + length > PATH_SIZE) fail("sysctl", setting, ENAMETOOLONG);
    memcpy(path, root, sizeof root);
    char *key = path + sizeof root - 1;
    memcpy(key, setting, length);
    key[length] = '\0';
    // The first separator says which kind it is. Dots between slashes belong to names, of interfaces for example, which
    // between dots are written as slashes.
    if (key[strcspn(key, "./")] == '.')
        for (char *c = key; *c != '\0'; c++) *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
    if (key[0] == '/' || strstr(key, "//") != NULL || strstr(key, "..") != NULL) fail("sysctl", setting, EINVAL);
}

static int begins(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

// sysctls that the kernel keeps for each IPC namespace, ipc_namespaces(7).
static int is_of_ipc(const char *key) {
    static const char *const names[] = {"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall",
        "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced", "kernel/msg_next_id", "kernel/sem_next_id",
        "kernel/shm_next_id", "kernel/auto_msgmni"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(key, names[i]) == 0) return 1;
    return begins(key, "fs/mqueue/");
}

// The kind of namespace that a sysctl belongs to; 0 for the host.
static int namespace_of(const char *key) {
    if (begins(key, "net/")) return CLONE_NEWNET;
    if (is_of_ipc(key)) return CLONE_NEWIPC;
    if (strcmp(key, "kernel/domainname") == 0 || strcmp(key, "kernel/hostname") == 0) return CLONE_NEWUTS;
    return 0;
}

void check_sysctls(int flags, const struct list *sysctls) {
    char path[PATH_SIZE];
    for (int i = 0; i < sysctls->count; i++) {
        find_file(sysctls->items[i], path);
        int kind = namespace_of(path + strlen("/proc/sys/"));
        if (kind == 0) fail_because("sysctl", sysctls->items[i], "is the whole host's: no pod may set it");
        if ((kind & flags) == 0) fail_because("sysctl", sysctls->items[i], "belongs to a namespace that the pod shares with the host");
    }
}

// Writes those settings that belong to namespaces of `kinds`, in which the calling process is.
void write_sysctls(int kinds, const struct list *sysctls) {
    char path[PATH_SIZE];
    for (int i = 0; i < sysctls->count; i++) {
        find_file(sysctls->items[i], path);
        if (namespace_of(path + strlen("/proc/sys/")) & kinds) write_file(path, strchr(sysctls->items[i], '=') + 1);
    }
}
