// What the files of swiftlet-pin share.
#ifndef PIN_H
#define PIN_H

#include <sys/types.h>

enum { MOST = 256, PATH_SIZE = 4096 };

struct list {
    char *items[MOST];
    int count;
};

// What the arguments ask for.
struct request {
    const char *directory;
    int flags;
    const char *hostname;
    struct list sysctls;
    struct list uid_maps;
    struct list gid_maps;
    struct list cgroup_files;
};

// Set in the children, which only say what is wrong; the pins are undone by their parent.
extern int child_of_pin;

// Says which step failed, on what and why; undoes the pins; ends with 1.
void fail(const char *step, const char *subject, int error) __attribute__((noreturn));
void unpin_all(void);

// steps.c: one call of the kernel each, named after what it does.
void make_file(const char *path);
void write_file(const char *path, const char *text);
void write_map(pid_t pid, const char *name, const struct list *maps);
void become_root(void);
void raise_loopback(void);
void set_hostname(const char *name);
void join_cgroup(const char *file, pid_t pid);
void write_sysctls(pid_t owner, int flags, const struct list *sysctls);

// init.c: the first process of a pod that shares its PID namespace. It is confined when
// this returns.
pid_t start_init(void);

#endif
