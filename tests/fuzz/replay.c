/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over files instead of under libFuzzer: replay DIR... feeds every regular file of each folder once.
 * Fails when a folder is missing or holds no file, so that a lost corpus is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); /* exactly as large, so that a sanitizer sees any read past the end */
    if (!file || !data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    fclose(file);
}

static unsigned replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        perror(folder);
        exit(2);
    }
    unsigned files = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        struct stat about;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path || stat(path, &about) != 0)
            exit(2);
        if (!S_ISREG(about.st_mode))
            continue;
        replay_file(path, (size_t)about.st_size);
        files++;
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        unsigned files = replay_folder(argv[i]);
        printf("%s: %u files\n", argv[i], files);
        if (files == 0)
            return 1;
    }
    return 0;
}
