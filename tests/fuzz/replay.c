// SPDX-License-Identifier: MIT
// Stands in for libFuzzer where there is none: feeds every file of the folders and files named on the command line to
// the fuzz target once. Fails when there is nothing to feed.
#include "fuzz.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned fed;

static int feed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *data = malloc(1u << 20);
    size_t size = data == NULL ? 0 : fread(data, 1, 1u << 20, file);
    (void)fclose(file);
    if (data != NULL) {
        uint8_t *exact = malloc(size + (size == 0)); // so that a sanitizer sees a byte too many
        for (size_t i = 0; exact != NULL && i < size; i++) {
            exact[i] = data[i];
        }
        if (exact != NULL) {
            (void)LLVMFuzzerTestOneInput(exact, size);
            fed++;
        }
        free(exact);
    }
    free(data);
    return 0;
}

static int feed_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return feed(path);
    }
    int failed = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char whole[4096];
        if (entry->d_name[0] != '.') {
            (void)snprintf(whole, sizeof whole, "%s/%s", path, entry->d_name);
            failed |= feed(whole);
        }
    }
    (void)closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= feed_folder(argv[i]);
    }
    printf("%u inputs replayed\n", fed);
    return failed != 0 || fed == 0;
}
