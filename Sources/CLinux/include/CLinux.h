// What the kernel offers and Swift's Glibc module lacks. One small function a system call; each returns what the
// call returns and leaves errno as the call leaves it.
#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <stddef.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

// Files and mounts.
int clinux_pipe(int ends[2]);
int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int clinux_fsopen(const char *type, unsigned int flags);
int clinux_fsconfig(int fd, unsigned int command, const char *key, const char *value, int aux);
int clinux_fsmount(int fd, unsigned int flags, unsigned int attributes);
int clinux_open_tree(int dirfd, const char *path, unsigned int flags);
int clinux_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags);
int clinux_mount_setattr(
    int dirfd, const char *path, unsigned int flags, uint64_t set, uint64_t clear, uint64_t propagation, uint64_t userns_fd);
int clinux_syncfs(int fd);
uint64_t clinux_makedev(unsigned int major, unsigned int minor);
unsigned int clinux_major(uint64_t device);
unsigned int clinux_minor(uint64_t device);

// Processes and namespaces.
int clinux_pidfd_open(pid_t pid, unsigned int flags);
int clinux_pidfd_send_signal(int pidfd, int signal);
int clinux_waitid_pidfd(int pidfd, int *code, int *status);
int clinux_setns(int fd, int type);
int clinux_unshare(int flags);
// Spawns with every descriptor above the highest of `child_fds` closed and signals at their defaults.
int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], const char *directory, const int *child_fds,
    const int *parent_fds, size_t count, int new_session);
int clinux_prctl_set_child_subreaper(void);
int clinux_capbset_read(int capability);
// `mask` has a bit a CPU, the lowest first.
int clinux_set_affinity(pid_t pid, const uint8_t *mask, size_t size);
void clinux_set_thread_name(const char *name);
// The name of an error, EPERM; null for a number that is none.
const char *clinux_errno_name(int number);

// Descriptors over sockets (SCM_RIGHTS). Return the descriptor, or -1.
int clinux_recv_fd(int socket);
int clinux_send_fd(int socket, int fd);

// Terminals.
// Makes a pseudo-terminal whose input is raw: what is typed before a program has set it up is neither echoed nor understood.
// Both sides are closed on exec and control nobody.
int clinux_open_terminal(int *master, int *slave);
int clinux_set_window_size(int fd, uint16_t rows, uint16_t columns);

#endif
