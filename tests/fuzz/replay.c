/* Replays a corpus: every file of the folder given is fed to the fuzz target once. */
#include <dirent.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int replay(const char *folder, const char *name)
{
    AUTO(buf) struct buf path = buf_make(4096);
    AUTO(buf) struct buf text = buf_make(16 * 1024 * 1024);
    buf_format(&path, "%s/%s", folder, name);
    struct error err;
    if (!file_read(path.data, &text, &err)) {
        (void)fprintf(stderr, "%s: %s\n", err.where, err.message);
        return 1;
    }
    return LLVMFuzzerTestOneInput((const unsigned char *)text.data, text.length);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        (void)fprintf(stderr, "usage: replay CORPUS-FOLDER\n");
        return 2;
    }
    int failed = 0;
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            failed |= replay(argv[1], entry->d_name);
            count++;
        }
    }
    (void)closedir(folder);
    (void)printf("%d inputs\n", count);
    return failed || count == 0;
}
