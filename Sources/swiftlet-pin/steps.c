#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void make_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe", "between the processes of swiftlet-pin", errno);
}

void tell(int fd) {
    if (write(fd, "", 1) != 1) give_up();
}

// Whether the other side said its word, and did not end without it.
int is_told(int fd) {
    char byte;
    return read(fd, &byte, 1) == 1;
}

void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    if (write(fd, text, strlen(text)) < 0) fail("write", path, errno);
    close(fd);
}

// Each map is CONTAINER:HOST:LENGTH; the kernel takes them all in one write.
void write_map(pid_t pid, const char *name, const struct list *maps) {
    char path[64], text[PATH_SIZE] = "";
    size_t used = 0;
    for (int i = 0; i < maps->count; i++) {
        unsigned container, host, length;
        int end = 0;
        if (sscanf(maps->items[i], "%u:%u:%u%n", &container, &host, &length, &end) != 3 || maps->items[i][end] != '\0')
            fail_because(name, maps->items[i], "is not CONTAINER:HOST:LENGTH");
        used += (size_t)snprintf(text + used, sizeof text - used, "%u %u %u\n", container, host, length);
        if (used >= sizeof text) fail_because(name, maps->items[i], "is one mapping too many for the kernel");
    }
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    write_file(path, text);
}

void become_root(void) {
    if (setgroups(0, NULL) != 0) fail("setgroups", "none", errno);
    if (setresgid(0, 0, 0) != 0) fail("setresgid", "0 of the user namespace (is it mapped?)", errno);
    if (setresuid(0, 0, 0) != 0) fail("setresuid", "0 of the user namespace (is it mapped?)", errno);
}

void raise_loopback(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket", "lo", errno);
    struct ifreq interface = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (ioctl(fd, SIOCSIFFLAGS, &interface) != 0) fail("SIOCSIFFLAGS", "lo", errno);
    close(fd);
}

void set_hostname(const char *name) {
    if (sethostname(name, strlen(name)) != 0) fail("sethostname", name, errno);
}

void join_namespace(pid_t owner, const char *name, int flag) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)owner, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    if (setns(fd, flag) != 0) fail("setns", path, errno);
    close(fd);
}

void join_cgroup(const char *file, pid_t pid) {
    char text[32];
    snprintf(text, sizeof text, "%d", (int)pid);
    write_file(file, text);
}
