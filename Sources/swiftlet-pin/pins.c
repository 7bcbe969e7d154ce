#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

enum { most_pins = 8 };

// What this run has made, to be undone if a later step fails.
static char made[most_pins][PATH_SIZE];
static int made_count;

void undo_pins(void) {
    while (made_count > 0) {
        const char *path = made[--made_count];
        umount2(path, MNT_DETACH);
        unlink(path);
    }
}

void disown_pins(void) { made_count = 0; }

// A file that is there already belongs to another pod, or to one that was not taken down: it is not covered up.
static const char *make_file(const char *directory, const char *name) {
    char *path = made[made_count];
    if (snprintf(path, PATH_SIZE, "%s/%s", directory, name) >= PATH_SIZE) fail("create", directory, ENAMETOOLONG);
    int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0) fail("create", path, errno);
    made_count++;
    close(fd);
    return path;
}

void pin_namespace(pid_t owner, const char *directory, const char *name) {
    char source[64];
    snprintf(source, sizeof source, "/proc/%d/ns/%s", (int)owner, name);
    const char *target = make_file(directory, name);
    if (mount(source, target, NULL, MS_BIND, NULL) != 0) fail("pin", target, errno);
}

void write_init_number(const char *directory, pid_t init) {
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)init);
    write_file(make_file(directory, "init.pid"), text);
}
