#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int child_of_pin;

void fail(const char *step, const char *subject, int error) {
    fprintf(stderr, "%s %s: %s\n", step, subject, strerror(error));
    if (child_of_pin) _exit(1);
    unpin_all();
    exit(1);
}

void make_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
    if (fd < 0) fail("create", path, errno);
    close(fd);
}

void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    if (write(fd, text, strlen(text)) < 0) fail("write", path, errno);
    close(fd);
}

// Each map is CONTAINER:HOST:LENGTH; the kernel takes them all in one write.
void write_map(pid_t pid, const char *name, const struct list *maps) {
    char path[PATH_SIZE], text[PATH_SIZE] = "";
    size_t used = 0;
    for (int i = 0; i < maps->count; i++) {
        unsigned container, host, length;
        if (sscanf(maps->items[i], "%u:%u:%u", &container, &host, &length) != 3) fail(name, maps->items[i], EINVAL);
        used += (size_t)snprintf(text + used, sizeof text - used, "%u %u %u\n", container, host, length);
        if (used >= sizeof text) fail(name, "too many mappings", E2BIG);
    }
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    write_file(path, text);
}

void become_root(void) {
    if (setgroups(0, NULL) != 0) fail("setgroups", "0", errno);
    if (setresgid(0, 0, 0) != 0) fail("setresgid", "0 (is it mapped?)", errno);
    if (setresuid(0, 0, 0) != 0) fail("setresuid", "0 (is it mapped?)", errno);
}

void raise_loopback(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket", "loopback", errno);
    struct ifreq interface;
    memset(&interface, 0, sizeof interface);
    strcpy(interface.ifr_name, "lo");
    if (ioctl(fd, SIOCGIFFLAGS, &interface) != 0) fail("SIOCGIFFLAGS", "lo", errno);
    interface.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &interface) != 0) fail("SIOCSIFFLAGS", "lo", errno);
    close(fd);
}

void set_hostname(const char *name) {
    if (sethostname(name, strlen(name)) != 0) fail("sethostname", name, errno);
}

void join_cgroup(const char *file, pid_t pid) {
    char text[32];
    snprintf(text, sizeof text, "%d", (int)pid);
    write_file(file, text);
}

static void join_namespace(pid_t owner, const char *name, int flag) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)owner, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    if (setns(fd, flag) != 0) fail("setns", path, errno);
    close(fd);
}

// KEY=VALUE with dots or slashes between the key's parts, as sysctl(8) takes it.
static void write_sysctl(const char *setting) {
    char path[PATH_SIZE] = "/proc/sys/";
    const char *equals = strchr(setting, '=');
    size_t start = strlen(path);
    if (equals == NULL || start + (size_t)(equals - setting) >= sizeof path) fail("sysctl", setting, EINVAL);
    memcpy(path + start, setting, (size_t)(equals - setting));
    path[start + (size_t)(equals - setting)] = '\0';
    if (strstr(path, "..") != NULL) fail("sysctl", setting, EINVAL);
    // Where slashes are used, dots belong to names, of interfaces for example.
    if (strchr(path + start, '/') == NULL)
        for (char *c = path + start; *c != '\0'; c++)
            if (*c == '.') *c = '/';
    write_file(path, equals + 1);
}

// By a child in those namespaces: /proc/sys shows each process its own.
void write_sysctls(pid_t owner, int flags, const struct list *sysctls) {
    if (sysctls->count == 0) return;
    pid_t child = fork();
    if (child < 0) fail("fork", "sysctl", errno);
    if (child == 0) {
        child_of_pin = 1;
        if (flags & CLONE_NEWNET) join_namespace(owner, "net", CLONE_NEWNET);
        if (flags & CLONE_NEWIPC) join_namespace(owner, "ipc", CLONE_NEWIPC);
        if (flags & CLONE_NEWUTS) join_namespace(owner, "uts", CLONE_NEWUTS);
        for (int i = 0; i < sysctls->count; i++) write_sysctl(sysctls->items[i]);
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) {
        unpin_all();
        exit(1);
    }
}
