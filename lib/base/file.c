#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, struct buf *out)
{
    char chunk[65536];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0;
        }
        buf_add(out, chunk, (size_t)got);
        if (out->full) {
            return true;
        }
    }
}

static bool could_not(const char *what, int reason, const char *path, struct error *err)
{
    error_set(err, ERROR_INVALID, "could not %s file: %s", what, strerror(reason));
    return error_where(err, "%s", path);
}

/* Reads to the end, and leaves *out as it was when that fails. */
static bool take(int fd, const char *path, struct buf *out, struct error *err)
{
    size_t before = out->length;
    if (!read_all(fd, out)) {
        int reason = errno;
        buf_truncate(out, before);
        return could_not("read", reason, path, err);
    }
    if (out->full) {
        buf_truncate(out, before);
        error_set(err, ERROR_INVALID, "file is larger than the limit of %zu bytes", out->max);
        error_code(err, "EFBIG");
        return error_where(err, "%s", path);
    }
    return true;
}

/* Whether somebody else has to write before there is something to read. */
static bool waits_for_others(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && (S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode));
}

bool file_read(const char *path, struct buf *out, struct error *err)
{
    /* Opening a pipe would wait for its writer, and reading a terminal for whoever types. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return could_not("open", errno, path, err);
    }
    bool done = false;
    if (waits_for_others(fd)) {
        error_set(err, ERROR_INVALID, "not a regular file, but a pipe or a socket");
        error_where(err, "%s", path);
    } else {
        done = take(fd, path, out, err);
    }
    (void)close(fd);
    return done;
}

bool file_read_input(const char *path, struct buf *out, struct error *err)
{
    if (strcmp(path, "-") == 0) {
        return take(STDIN_FILENO, path, out, err);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return could_not("open", errno, path, err);
    }
    bool done = take(fd, path, out, err);
    (void)close(fd);
    return done;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
