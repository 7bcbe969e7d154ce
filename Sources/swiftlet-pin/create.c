// Reads what the runtime says on standard error while it makes a container. The monitor reads that pipe once the runtime has ended, and
// the runtime, whose message repeats what it could not do, does not end before a pipe that is full has been read: 64 KiB, which a long
// command or a talkative hook fills. Here it is read as it comes, and the monitor finds its beginning and its end.
//
//     swiftlet-pin --create RUNTIME ARGUMENT...
//
// The container's process inherits the pipe itself and waits to be started: until the runtime has ended nobody else writes to it.

#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Together less than the monitor reads, 8 KiB.
enum { HEAD = 2048, TAIL = 4096, CHUNK = 65536 };

struct said {
    char head[HEAD];
    size_t in_head;
    char tail[TAIL];
    size_t in_tail;
    int is_cut;
};

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void keep(struct said *said, const char *bytes, size_t count) {
    size_t first = least(count, HEAD - said->in_head);
    memcpy(said->head + said->in_head, bytes, first);
    said->in_head += first;
    bytes += first;
    count -= first;
    if (count > TAIL) {
        bytes += count - TAIL;
        count = TAIL;
        said->is_cut = 1;
    }
    if (said->in_tail + count > TAIL) {
        size_t gone = said->in_tail + count - TAIL;
        memmove(said->tail, said->tail + gone, said->in_tail - gone);
        said->in_tail -= gone;
        said->is_cut = 1;
    }
    memcpy(said->tail + said->in_tail, bytes, count);
    said->in_tail += count;
}

// What is in the pipe now.
static void take(int pipe, struct said *said) {
    static char bytes[CHUNK];
    ssize_t count = read(pipe, bytes, sizeof bytes);
    if (count > 0) keep(said, bytes, (size_t)count);
}

static void say(const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, count);
        if (written <= 0) return;
        bytes += written;
        count -= (size_t)written;
    }
}

static pid_t start(char **argv) {
    pid_t parent = getpid(), child = fork();
    if (child < 0) fail("fork", argv[0], errno);
    if (child > 0) return child;
    // As the monitor does with this process: what nobody waits for ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    execv(argv[0], argv);
    fail("execv", argv[0], errno);
}

int run_create(char **argv) {
    struct stat status;
    int source = -1;
    if (fstat(STDERR_FILENO, &status) == 0 && S_ISFIFO(status.st_mode))
        source = open("/proc/self/fd/2", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    pid_t runtime = start(argv);
    int end = (int)syscall(SYS_pidfd_open, runtime, 0);
    if (source < 0 || end < 0) return code_of(runtime);
    static struct said said;
    struct pollfd waited[] = {{.fd = source, .events = POLLIN}, {.fd = end, .events = POLLIN}};
    while (!(waited[1].revents & POLLIN)) {
        if (poll(waited, 2, -1) < 0) continue;
        if (waited[0].revents & POLLIN) take(source, &said);
    }
    take(source, &said);
    close(source);
    say(said.head, said.in_head);
    if (said.is_cut) say(" ... ", 5);
    say(said.tail, said.in_tail);
    return code_of(runtime);
}
