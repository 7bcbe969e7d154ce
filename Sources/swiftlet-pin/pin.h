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
    // CLONE_NEW… of the namespaces to make.
    int flags;
    const char *hostname;
    struct list sysctls;
    struct list uid_maps;
    struct list gid_maps;
    struct list cgroup_files;
};

// failure.c: one line of JSON on standard error, {"step":…,"subject":…,"error":…}; then the pins are undone, by the
// process that makes them, and the program ends with 1.
void fail(const char *step, const char *subject, int error) __attribute__((noreturn));
void fail_because(const char *step, const char *subject, const char *reason) __attribute__((noreturn));
// Ends with 1 where another process of ours has said already what failed.
void give_up(void) __attribute__((noreturn));

// pins.c: files that namespaces are bound to.
void pin_namespace(pid_t owner, const char *directory, const char *name);
void write_init_number(const char *directory, pid_t init);
void undo_pins(void);
// A child leaves the pins to its parent.
void disown_pins(void);

// steps.c: one call of the kernel each, named after what it does.
void make_pipe(int ends[2]);
void tell(int fd);
int is_told(int fd);
void write_file(const char *path, const char *text);
void write_map(pid_t pid, const char *name, const struct list *maps);
void become_root(void);
void raise_loopback(void);
void set_hostname(const char *name);
void join_namespace(pid_t owner, const char *name, int flag);
void join_cgroup(const char *file, pid_t pid);

// sysctl.c
void check_sysctls(int flags, const struct list *sysctls);
void write_sysctls(int kinds, const struct list *sysctls);

// init.c: the first process of a pod that shares its PID namespace.
//
// The program's own file, by a mount that nothing can be written through: the pod's processes see it as /proc/1/exe.
int open_own_file(void);
// Starts it, as a child in the PID namespace made last. It says on `ready` that it is confined, then waits for a word
// on `go` and ends if none comes.
pid_t start_init(int own_file, int ready, int go);
// The program as the init: never returns.
void run_init(void) __attribute__((noreturn));

// Runs a command in a container and waits for it alone; returns its exit code.
int run_exec(int argc, char **argv);
// The code of a child's end, as a shell gives it.
int code_of(pid_t child);
// Runs the runtime's create and reads all that it says; returns its exit code.
int run_create(char **argv);
extern const char init_name[];

#endif
