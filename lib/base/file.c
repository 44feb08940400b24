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

bool file_read(const char *path, struct buf *out, struct error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    size_t before = out->length;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, ERROR_INVALID, "could not open file: %s", strerror(errno));
        return error_where(err, "%s", path);
    }
    bool ok = read_all(fd, out);
    int reason = errno;
    if (!standard_input) {
        (void)close(fd);
    }
    if (ok && !out->full) {
        return true;
    }
    if (!ok) {
        error_set(err, ERROR_INVALID, "could not read file: %s", strerror(reason));
    } else {
        error_set(err, ERROR_INVALID, "file is larger than the limit of %zu bytes", out->max);
        error_code(err, "EFBIG");
    }
    buf_truncate(out, before);
    return error_where(err, "%s", path);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
