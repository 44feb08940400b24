#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "forked.h"

static char folder[] = "/tmp/postlude-test-file-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/f", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void fill(const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void an_absent_file(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(10);
    struct error err;
    assert_false(file_read("/nowhere/at all", &out, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, "could not open file: No such file or directory");
    assert_string_equal(err.where, "/nowhere/at all");
    assert_false(file_exists("/nowhere/at all"));
}

static void a_folder(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(10);
    struct error err;
    assert_false(file_read(folder, &out, &err));
    assert_string_equal(err.message, "could not read file: Is a directory");
    assert_string_equal(err.where, folder);
    assert_true(file_exists(folder));
}

static void reads_up_to_the_limit(void **state)
{
    (void)state;
    fill("12345\0abc", 9);
    AUTO(buf) struct buf exact = buf_make(9);
    struct error err;
    assert_true(file_read(path, &exact, &err));
    assert_int_equal(exact.length, 9);
    assert_memory_equal(exact.data, "12345\0abc", 10);
    assert_false(exact.full);

    AUTO(buf) struct buf small = buf_make(10);
    buf_text(&small, "ab");
    assert_false(file_read(path, &small, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, "file is larger than the limit of 10 bytes");
    assert_string_equal(small.data, "ab");
    assert_false(small.full);
}

static void reads_large_and_empty_files(void **state)
{
    (void)state;
    enum { SIZE = 300001 };
    char *text = calloc(SIZE, 1);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (char)('a' + i % 23);
    }
    fill(text, SIZE);
    AUTO(buf) struct buf out = buf_make(SIZE);
    struct error err;
    assert_true(file_read(path, &out, &err));
    assert_int_equal(out.length, SIZE);
    assert_memory_equal(out.data, text, SIZE);
    free(text);
    AUTO(buf) struct buf small = buf_make(SIZE - 1);
    buf_text(&small, "ab");
    assert_false(file_read(path, &small, &err));
    assert_string_equal(small.data, "ab");
    fill("", 0);
    assert_true(file_read(path, &out, &err));
    assert_int_equal(out.length, SIZE);
}

static void take_standard_input(void)
{
    int fd = open(path, O_RDONLY);
    AUTO(buf) struct buf out = buf_make(100);
    struct error err;
    bool ok = dup2(fd, STDIN_FILENO) == 0 && file_read_input("-", &out, &err);
    _exit(ok && strcmp(out.data, "from stdin") == 0 ? 0 : 1);
}

static void a_dash_is_standard_input(void **state)
{
    (void)state;
    fill("from stdin", 10);
    assert_int_equal(forked(take_standard_input), 0);
}

static void a_dash_is_a_name_elsewhere(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(10);
    struct error err;
    assert_false(file_read("-", &out, &err));
    assert_string_equal(err.message, "could not open file: No such file or directory");
}

/* What would wait for ever ends this program. */
static void nobody_is_waited_for(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(10);
    struct error err;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(10);
    assert_false(file_read(path, &out, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, "not a regular file, but a pipe or a socket");
    assert_string_equal(err.where, path);

    int fds[2];
    char name[64];
    assert_int_equal(pipe(fds), 0);
    (void)snprintf(name, sizeof name, "/dev/fd/%d", fds[0]);
    assert_int_equal(write(fds[1], "text", 4), 4);
    assert_false(file_read(name, &out, &err));
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(out.length, 0);
    assert_true(file_read_input(name, &out, &err));
    assert_string_equal(out.data, "text");
    assert_int_equal(close(fds[0]), 0);
    (void)alarm(0);
}

static void devices_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(10);
    struct error err;
    assert_true(file_read("/dev/null", &out, &err));
    assert_int_equal(out.length, 0);
    assert_false(file_read("/dev/zero", &out, &err));
    assert_string_equal(err.code, "EFBIG");
    assert_int_equal(out.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_file),
        cmocka_unit_test(a_folder),
        cmocka_unit_test(reads_up_to_the_limit),
        cmocka_unit_test(reads_large_and_empty_files),
        cmocka_unit_test(a_dash_is_standard_input),
        cmocka_unit_test(a_dash_is_a_name_elsewhere),
        cmocka_unit_test(nobody_is_waited_for),
        cmocka_unit_test(devices_are_read_as_far_as_they_go),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
