// Waits for one command in a container, and for nothing else. The runtime starts the command detached, with the daemon's own
// pipes, so that nobody copies between; the command becomes this process's child, whose end and exit code are its own. A
// runtime that waits itself waits for whoever holds the pipes: a daemon that the command left in the background, too.
//
//     swiftlet-pin --exec PIDFILE RUNTIME ARGUMENT...

#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { no_code = 255, by_signal = 128 };

// Children that are not waited for here are the kernel's when this process ends.
int code_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return no_code;
    return WIFEXITED(status) ? WEXITSTATUS(status) : by_signal + WTERMSIG(status);
}

// Else the reader of the command's output would never see its end.
static void let_go_of_streams(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    for (int stream = 0; stream < 3; stream++) dup2(null, stream);
}

int run_exec(int argc, char **argv) {
    if (argc < 2) return no_code;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) fail("prctl", "PR_SET_CHILD_SUBREAPER", errno);
    pid_t runtime, command = 0;
    int error = posix_spawn(&runtime, argv[1], NULL, NULL, argv + 1, environ);
    if (error != 0) fail("posix_spawn", argv[1], error);
    let_go_of_streams();
    int code = code_of(runtime);
    // Its reason is on standard error already.
    if (code != 0) return code;
    FILE *file = fopen(argv[0], "re");
    if (file == NULL) return no_code;
    int read = fscanf(file, "%d", &command);
    fclose(file);
    return read == 1 && command > 1 ? code_of(command) : no_code;
}
