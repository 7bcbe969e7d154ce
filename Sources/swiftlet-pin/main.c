// swiftlet-pin makes a pod's namespaces and pins each as a file, so that they live without a process of their own.
// `usage` below says what it takes.
//
// On success it prints the number of the pod's init process, 0 where there is none. On failure it says in a line of JSON
// on standard error which step failed, on what and why, undoes its pins and exits with 1.
//
// It is a program of its own because a process with threads, as the daemon is, can make neither a user namespace nor
// fork safely. Three processes take part:
//   swiftlet-pin  stays in the host's namespaces and has the host's rights: writes the maps and sysctls, pins, joins cgroups
//   the maker     its child, makes the namespaces and lives in them until they are pinned
//   the init      the maker's child, where the pod shares its PID namespace: it remains

#include "pin.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] = "use: swiftlet-pin --dir DIR [--net] [--ipc] [--uts [--hostname NAME]] [--sysctl KEY=VALUE]... "
                            "[--user --uid-map CONTAINER:HOST:LENGTH... --gid-map CONTAINER:HOST:LENGTH...] "
                            "[--pid [--cgroup-procs FILE]...]";

// In the order in which they are pinned.
static const struct kind {
    const char *name;
    int flag;
} kinds[] = {{"user", CLONE_NEWUSER}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}};

static void add(struct list *list, char *value) {
    if (list->count == MOST) fail_because("arguments", value, "is one too many");
    list->items[list->count++] = value;
}

static void parse(int argc, char **argv, struct request *request) {
    static const struct option options[] = {
        {"dir", 1, 0, 'd'},     {"net", 0, 0, 'n'},     {"ipc", 0, 0, 'i'},          {"uts", 0, 0, 'u'},
        {"user", 0, 0, 'U'},    {"pid", 0, 0, 'p'},     {"hostname", 1, 0, 'h'},     {"sysctl", 1, 0, 's'},
        {"uid-map", 1, 0, 'x'}, {"gid-map", 1, 0, 'y'}, {"cgroup-procs", 1, 0, 'c'}, {0, 0, 0, 0},
    };
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'd': request->directory = optarg; break;
        case 'n': request->flags |= CLONE_NEWNET; break;
        case 'i': request->flags |= CLONE_NEWIPC; break;
        case 'u': request->flags |= CLONE_NEWUTS; break;
        case 'U': request->flags |= CLONE_NEWUSER; break;
        case 'p': request->flags |= CLONE_NEWPID; break;
        case 'h': request->hostname = optarg; break;
        case 's': add(&request->sysctls, optarg); break;
        case 'x': add(&request->uid_maps, optarg); break;
        case 'y': add(&request->gid_maps, optarg); break;
        case 'c': add(&request->cgroup_files, optarg); break;
        default: fail_because("arguments", optind > 0 ? argv[optind - 1] : "", usage);
        }
    }
    if (optind < argc) fail_because("arguments", argv[optind], usage);
    if (request->directory == NULL) fail_because("arguments", "--dir", usage);
}

// The two ends that a process has of the pipes to another.
struct talk {
    int hear;
    int say;
};

static void make_namespaces(const struct request *request, struct talk parent) {
    if (request->flags & CLONE_NEWUSER) {
        if (unshare(CLONE_NEWUSER) != 0) fail("unshare", "user namespace", errno);
        tell(parent.say);
        if (!is_told(parent.hear)) give_up();
        become_root();
    }
    if (unshare(request->flags & ~CLONE_NEWUSER) != 0) fail("unshare", "namespaces", errno);
    if (request->flags & CLONE_NEWNET) raise_loopback();
    if (request->flags & CLONE_NEWUTS && request->hostname != NULL) set_hostname(request->hostname);
    // The kernel lets the namespace's own root write these and nobody else.
    write_sysctls(CLONE_NEWIPC, &request->sysctls);
}

// And these the host's root: domainname is its alone. /proc/sys shows each process that of its own namespaces, so this
// one joins the pod's; it has no more use for the host's.
static void write_other_sysctls(const struct request *request, pid_t maker) {
    if (request->sysctls.count == 0) return;
    if (request->flags & CLONE_NEWNET) join_namespace(maker, "net", CLONE_NEWNET);
    if (request->flags & CLONE_NEWUTS) join_namespace(maker, "uts", CLONE_NEWUTS);
    write_sysctls(CLONE_NEWNET | CLONE_NEWUTS, &request->sysctls);
}

// The maker's whole life.
static void make(const struct request *request, int own_file, struct talk parent) {
    disown_pins();
    make_namespaces(request, parent);
    tell(parent.say);
    if (!is_told(parent.hear)) give_up();
    if ((request->flags & CLONE_NEWPID) == 0) _exit(0);
    int ready[2], go[2];
    make_pipe(ready);
    make_pipe(go);
    pid_t init = start_init(own_file, ready[1], go[0]);
    close(ready[1]);
    if (!is_told(ready[0])) give_up();
    if (write(parent.say, &init, sizeof init) != sizeof init) give_up();
    // It is let go once it is pinned and in its cgroups.
    if (!is_told(parent.hear)) give_up();
    tell(go[1]);
    _exit(0);
}

static pid_t start_maker(const struct request *request, struct talk *maker) {
    int up[2], down[2];
    int own_file = request->flags & CLONE_NEWPID ? open_own_file() : -1;
    make_pipe(up);
    make_pipe(down);
    pid_t pid = fork();
    if (pid < 0) fail("fork", "the maker of the namespaces", errno);
    if (pid == 0) {
        close(up[0]);
        close(down[1]);
        make(request, own_file, (struct talk){.hear = down[0], .say = up[1]});
    }
    close(up[1]);
    close(down[0]);
    *maker = (struct talk){.hear = up[0], .say = down[1]};
    return pid;
}

static pid_t release_init(const struct request *request, struct talk maker) {
    pid_t init;
    if (read(maker.hear, &init, sizeof init) != sizeof init) give_up();
    pin_namespace(init, request->directory, "pid");
    write_init_number(request->directory, init);
    for (int i = 0; i < request->cgroup_files.count; i++) join_cgroup(request->cgroup_files.items[i], init);
    tell(maker.say);
    return init;
}

static pid_t pin(const struct request *request) {
    struct talk maker;
    pid_t pid = start_maker(request, &maker);
    if (request->flags & CLONE_NEWUSER) {
        if (!is_told(maker.hear)) give_up();
        write_map(pid, "uid_map", &request->uid_maps);
        write_map(pid, "gid_map", &request->gid_maps);
        tell(maker.say);
    }
    if (!is_told(maker.hear)) give_up();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (request->flags & kinds[i].flag) pin_namespace(pid, request->directory, kinds[i].name);
    write_other_sysctls(request, pid);
    tell(maker.say);
    pid_t init = request->flags & CLONE_NEWPID ? release_init(request, maker) : 0;
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) give_up();
    return init;
}

int main(int argc, char **argv) {
    static struct request request;
    if (argc == 1 && strcmp(argv[0], init_name) == 0) run_init();
    if (argc > 1 && strcmp(argv[1], "--exec") == 0) return run_exec(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "--create") == 0) return run_create(argv + 2);
    parse(argc, argv, &request);
    check_sysctls(request.flags, &request.sysctls);
    printf("%d\n", (int)pin(&request));
    return 0;
}
