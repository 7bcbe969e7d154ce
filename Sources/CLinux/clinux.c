#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

int clinux_fsopen(const char *type, unsigned int flags) { return (int)syscall(SYS_fsopen, type, flags); }

int clinux_fsconfig(int fd, unsigned int command, const char *key, const char *value, int aux) {
    return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

int clinux_fsmount(int fd, unsigned int flags, unsigned int attributes) {
    return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

int clinux_open_tree(int dirfd, const char *path, unsigned int flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

int clinux_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags) {
    return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

int clinux_mount_setattr(
    int dirfd, const char *path, unsigned int flags, uint64_t set, uint64_t clear, uint64_t propagation, uint64_t userns_fd) {
    struct mount_attr attributes = {
        .attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = userns_fd};
    return (int)syscall(SYS_mount_setattr, dirfd, path, flags, &attributes, sizeof attributes);
}

int clinux_syncfs(int fd) { return syncfs(fd); }

uint64_t clinux_makedev(unsigned int major, unsigned int minor) { return makedev(major, minor); }
unsigned int clinux_major(uint64_t device) { return major(device); }
unsigned int clinux_minor(uint64_t device) { return minor(device); }

int clinux_pidfd_open(pid_t pid, unsigned int flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_waitid_pidfd(int pidfd, int *code, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
    if (result == 0 && info.si_pid == 0) {
        errno = EAGAIN;
        return -1;
    }
    *code = info.si_code;
    *status = info.si_status;
    return result;
}

int clinux_setns(int fd, int type) { return setns(fd, type); }
int clinux_unshare(int flags) { return unshare(flags); }
int clinux_prctl_set_child_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1); }
void clinux_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }
int clinux_capbset_read(int capability) { return prctl(PR_CAPBSET_READ, capability); }

int clinux_set_affinity(pid_t pid, const uint8_t *mask, size_t size) {
    return (int)syscall(SYS_sched_setaffinity, pid, size, mask);
}

// Descriptors are first moved above every number asked for, so that one cannot overwrite another's source. What is
// not asked for is closed, also what some library opened without close-on-exec.
static int add_descriptors(
    posix_spawn_file_actions_t *actions, const int *child_fds, const int *parent_fds, size_t count, int *moved) {
    int highest = 2;
    for (size_t i = 0; i < count; i++)
        if (child_fds[i] > highest) highest = child_fds[i];
    for (size_t i = 0; i < count; i++) {
        moved[i] = fcntl(parent_fds[i], F_DUPFD_CLOEXEC, highest + 1);
        if (moved[i] < 0) return errno;
        int error = posix_spawn_file_actions_adddup2(actions, moved[i], child_fds[i]);
        if (error != 0) return error;
    }
    for (int fd = 3; fd < highest; fd++) {
        int named = 0;
        for (size_t i = 0; i < count; i++) named |= child_fds[i] == fd;
        int error = named ? 0 : posix_spawn_file_actions_addclose(actions, fd);
        if (error != 0) return error;
    }
    return posix_spawn_file_actions_addclosefrom_np(actions, highest + 1);
}

static int add_attributes(posix_spawnattr_t *attributes, int new_session) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session) flags |= POSIX_SPAWN_SETSID;
    return posix_spawnattr_setflags(attributes, flags);
}

int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], const char *directory, const int *child_fds,
    const int *parent_fds, size_t count, int new_session) {
    enum { most = 64 };
    if (count > most) return EMFILE;
    int moved[most];
    memset(moved, -1, sizeof moved);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int error = add_descriptors(&actions, child_fds, parent_fds, count, moved);
    if (error == 0) error = add_attributes(&attributes, new_session);
    if (error == 0 && directory != NULL) error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (error == 0) error = posix_spawn(pid, path, &actions, &attributes, argv, envp);
    for (size_t i = 0; i < count; i++)
        if (moved[i] >= 0) close(moved[i]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int clinux_recv_fd(int socket) {
    char byte[256];
    union control control;
    struct iovec vector = {.iov_base = byte, .iov_len = sizeof byte};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int))) {
        errno = EBADMSG;
        return -1;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

int clinux_send_fd(int socket, int fd) {
    char byte = 0;
    union control control;
    memset(&control, 0, sizeof control);
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return (int)sendmsg(socket, &message, MSG_NOSIGNAL);
}

int clinux_open_terminal(int *master, int *slave) {
    char name[64];
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0) return -1;
    *slave = -1;
    if (unlockpt(*master) == 0 && ptsname_r(*master, name, sizeof name) == 0)
        *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    if (*slave >= 0 && tcgetattr(*slave, &mode) == 0) {
        tcflag_t output = mode.c_oflag;
        cfmakeraw(&mode);
        mode.c_oflag = output;
        if (tcsetattr(*slave, TCSANOW, &mode) == 0) return 0;
    }
    int error = errno;
    if (*slave >= 0) close(*slave);
    close(*master);
    errno = error;
    return -1;
}

int clinux_set_window_size(int fd, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(fd, TIOCSWINSZ, &size);
}

const char *clinux_errno_name(int number) { return strerrorname_np(number); }
