// swiftlet-pin makes a pod's namespaces and pins each as a file, so that they live without a process of their own.
//
//   swiftlet-pin --dir DIR [--net] [--ipc] [--uts] [--hostname NAME] [--sysctl KEY=VALUE]...
//                [--user --uid-map C:H:N... --gid-map C:H:N...] [--pid [--cgroup-procs FILE]...]
//
// On success it prints the number of the pod's init process, 0 where there is none. On failure it says on standard error
// which step failed, on what and why, undoes its pins and exits with 1.
//
// It is a program of its own because a process with threads, as the daemon is, can make neither a user namespace nor
// fork safely. Linked statically it costs a millisecond.

#include "pin.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct request request;

static void add(struct list *list, char *value) {
    if (list->count == MOST) fail("arguments", value, E2BIG);
    list->items[list->count++] = value;
}

static void parse(int argc, char **argv) {
    static const struct option options[] = {
        {"dir", 1, 0, 'd'},      {"net", 0, 0, 'n'},     {"ipc", 0, 0, 'i'},     {"uts", 0, 0, 'u'},
        {"user", 0, 0, 'U'},     {"pid", 0, 0, 'p'},     {"hostname", 1, 0, 'h'}, {"sysctl", 1, 0, 's'},
        {"uid-map", 1, 0, 'x'},  {"gid-map", 1, 0, 'y'}, {"cgroup-procs", 1, 0, 'c'}, {0, 0, 0, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'd': request.directory = optarg; break;
        case 'n': request.flags |= CLONE_NEWNET; break;
        case 'i': request.flags |= CLONE_NEWIPC; break;
        case 'u': request.flags |= CLONE_NEWUTS; break;
        case 'U': request.flags |= CLONE_NEWUSER; break;
        case 'p': request.flags |= CLONE_NEWPID; break;
        case 'h': request.hostname = optarg; break;
        case 's': add(&request.sysctls, optarg); break;
        case 'x': add(&request.uid_maps, optarg); break;
        case 'y': add(&request.gid_maps, optarg); break;
        case 'c': add(&request.cgroup_files, optarg); break;
        default: fail("arguments", "see swiftlet-pin's source for what it takes", EINVAL);
        }
    }
    if (request.directory == NULL) fail("arguments", "--dir is missing", EINVAL);
}

static const struct pin {
    const char *name;
    int flag;
} pins[] = {{"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID}};

enum { pin_count = sizeof pins / sizeof pins[0] };

void unpin_all(void) {
    for (int i = 0; request.directory != NULL && i < pin_count; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", request.directory, pins[i].name);
        umount2(path, MNT_DETACH);
        unlink(path);
    }
}

// Binds a namespace of `owner` to its file in the directory.
static void pin(pid_t owner, const char *name) {
    char source[PATH_SIZE], target[PATH_SIZE];
    snprintf(source, sizeof source, "/proc/%d/ns/%s", (int)owner, name);
    snprintf(target, sizeof target, "%s/%s", request.directory, name);
    make_file(target);
    if (mount(source, target, NULL, MS_BIND, NULL) != 0) fail("pin", target, errno);
}

static void wait_for(int fd) {
    char byte;
    if (read(fd, &byte, 1) != 1) exit(1);
}

static void tell(int fd) {
    if (write(fd, "", 1) != 1) fail("write", "pipe", errno);
}

// The maker lives in the new namespaces while they are set up and pinned by its parent, which stays outside.
static pid_t start_maker(int *from_maker, int *to_maker) {
    int up[2], down[2];
    if (pipe(up) != 0 || pipe(down) != 0) fail("pipe", "maker", errno);
    pid_t maker = fork();
    if (maker < 0) fail("fork", "maker", errno);
    if (maker > 0) {
        close(up[1]);
        close(down[0]);
        *from_maker = up[0];
        *to_maker = down[1];
        return maker;
    }
    close(up[0]);
    close(down[1]);
    child_of_pin = 1;
    if (request.flags & CLONE_NEWUSER) {
        if (unshare(CLONE_NEWUSER) != 0) fail("unshare", "user", errno);
        tell(up[1]);
        wait_for(down[0]);
        become_root();
    }
    if (unshare(request.flags & ~CLONE_NEWUSER) != 0) fail("unshare", "namespaces", errno);
    if (request.flags & CLONE_NEWNET) raise_loopback();
    if (request.flags & CLONE_NEWUTS && request.hostname != NULL) set_hostname(request.hostname);
    tell(up[1]);
    wait_for(down[0]);
    pid_t init = 0;
    if (request.flags & CLONE_NEWPID) init = start_init();
    if (write(up[1], &init, sizeof init) != sizeof init) fail("write", "pipe", errno);
    // The init's parent, and with it the pid namespace's entry, must be there until it is pinned.
    wait_for(down[0]);
    _exit(0);
}

static pid_t read_init(int fd, pid_t maker) {
    pid_t init = -1;
    if (read(fd, &init, sizeof init) != sizeof init) {
        waitpid(maker, NULL, 0);
        unpin_all();
        exit(1);
    }
    return init;
}

static void expect(int fd, pid_t maker) {
    char byte;
    if (read(fd, &byte, 1) == 1) return;
    waitpid(maker, NULL, 0);
    unpin_all();
    exit(1);
}

int main(int argc, char **argv) {
    parse(argc, argv);
    int from_maker, to_maker;
    pid_t maker = start_maker(&from_maker, &to_maker);
    if (request.flags & CLONE_NEWUSER) {
        expect(from_maker, maker);
        write_map(maker, "uid_map", &request.uid_maps);
        write_map(maker, "gid_map", &request.gid_maps);
        tell(to_maker);
    }
    expect(from_maker, maker);
    // Written by the host's root from inside: the namespaces' own files, which a user namespace may not all write.
    write_sysctls(maker, request.flags, &request.sysctls);
    for (int i = 0; i < pin_count; i++)
        if (pins[i].flag != CLONE_NEWPID && request.flags & pins[i].flag) pin(maker, pins[i].name);
    tell(to_maker);
    pid_t init = read_init(from_maker, maker);
    if (init > 0) {
        pin(init, "pid");
        for (int i = 0; i < request.cgroup_files.count; i++) join_cgroup(request.cgroup_files.items[i], init);
    }
    tell(to_maker);
    waitpid(maker, NULL, 0);
    printf("%d\n", (int)init);
    return 0;
}
