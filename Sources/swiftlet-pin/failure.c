#include "pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 8192 };

// Appends `text` as a JSON string; what is no ASCII passes as it is. What does not fit is cut.
static size_t quote(char *line, size_t used, const char *text) {
    line[used++] = '"';
    for (; *text != '\0' && used < LINE_SIZE - 16; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') used += (size_t)sprintf(line + used, "\\%c", c);
        else if (c < 0x20) used += (size_t)sprintf(line + used, "\\u%04x", c);
        else line[used++] = (char)c;
    }
    line[used++] = '"';
    return used;
}

static size_t put(char *line, size_t used, const char *text) {
    size_t length = strlen(text);
    if (used + length >= LINE_SIZE) return used;
    memcpy(line + used, text, length);
    return used + length;
}

// One write: two processes' lines do not mix.
static void say(const char *step, const char *subject, const char *reason) {
    char line[3 * LINE_SIZE];
    size_t used = put(line, 0, "{\"step\":");
    used = quote(line, used, step);
    used = put(line, used, ",\"subject\":");
    size_t start = used;
    used = quote(line, used, subject);
    // A subject cut by its own length leaves room for the reason.
    if (used > LINE_SIZE - 512) {
        used = start;
        used = quote(line, used, "(too long to show)");
    }
    used = put(line, used, ",\"error\":");
    used = quote(line, used, reason);
    used = put(line, used, "}\n");
    if (write(STDERR_FILENO, line, used) < 0) give_up();
}

void give_up(void) {
    undo_pins();
    _exit(1);
}

void fail_because(const char *step, const char *subject, const char *reason) {
    say(step, subject, reason);
    give_up();
}

void fail(const char *step, const char *subject, int error) { fail_because(step, subject, strerror(error)); }
