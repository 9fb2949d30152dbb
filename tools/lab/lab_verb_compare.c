// SPDX-License-Identifier: MIT
// `holdfast lab --compare A B`: two runs as the harness of old compared them, byte for byte, for scripts that read
// that: the last row of each tag, and exit status 0 unless both are empty. `diff` is the one that judges.
#include "lab.h"
#include "lab_summary.h"
#include "lab_verbs.h"

#include <stdlib.h>
#include <string.h>

#define TAGS_MAX 1024u

static const lab_memory_t *last_of(const lab_run_t *run, const char *tag)
{
    for (uint32_t i = run->mems; i > 0; i--) {
        if (strcmp(run->mem[i - 1u].tag, tag) == 0) {
            return &run->mem[i - 1u].memory;
        }
    }
    return NULL;
}

static void delta(const char *name, const lab_memory_t *a, const lab_memory_t *b, size_t offset)
{
    uint32_t from = LAB_UNKNOWN, to = LAB_UNKNOWN;
    if (a != NULL && b != NULL) {
        memcpy(&from, (const char *)a + offset, sizeof from);
        memcpy(&to, (const char *)b + offset, sizeof to);
    }
    if (from == LAB_UNKNOWN || to == LAB_UNKNOWN) {
        printf("%s=n/a", name);
    } else {
        printf("%s=%lld", name, (long long)to - (long long)from);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t merge(const char **tags, uint32_t count)
{
    uint32_t kept = 0;
    qsort(tags, count, sizeof tags[0], by_text);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(tags[kept - 1u], tags[i]) != 0) {
            tags[kept++] = tags[i];
        }
    }
    return kept;
}

static void print(const lab_run_t *a, const lab_run_t *b, const char **tags, uint32_t count)
{
    printf("\nTag deltas (B - A):\n- Columns: Δhin, Δhm, Δfrag, Δpf\n");
    for (uint32_t i = 0; i < count; i++) {
        const lab_memory_t *from = last_of(a, tags[i]), *to = last_of(b, tags[i]);
        printf("- %s: ", tags[i]);
        delta("Δhin", from, to, offsetof(lab_memory_t, hin));
        delta("  Δhm", from, to, offsetof(lab_memory_t, hm));
        delta("  Δfrag", from, to, offsetof(lab_memory_t, frag));
        delta("  Δpf", from, to, offsetof(lab_memory_t, pf));
        printf("\n");
    }
    uint32_t least_a = lab_run_hin_min(a), least_b = lab_run_hin_min(b);
    if (least_a != LAB_UNKNOWN && least_b != LAB_UNKNOWN) {
        printf("\nOverall:\n- A hin_min: %u B\n- B hin_min: %u B\n- Δhin_min: %lld B\n", least_a,
               least_b, (long long)least_b - (long long)least_a);
    }
}

int lab_verb_compare(int argc, char **argv)
{
    static lab_run_t a, b;
    static const char *tags[2u * TAGS_MAX];
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("Usage: holdfast lab --compare A B\n"
               "Two runs as the memory test harness of old compared them; 'diff' judges.\n");
        return LAB_PASS;
    }
    if (argc != 3) {
        (void)lab_fail(LAB_USAGE, "--compare", "the directories of two runs are needed");
        return lab_usage_hint("");
    }
    if (lab_run_load(&a, argv[1]) != 0) {
        lab_run_init(&a); // as of old: no rows
    }
    if (lab_run_load(&b, argv[2]) != 0) {
        lab_run_init(&b);
    }
    uint32_t count = lab_run_tags(&a, tags, TAGS_MAX);
    count = merge(tags, count + lab_run_tags(&b, tags + count, TAGS_MAX));
    int status = LAB_PASS;
    if (count == 0) {
        printf("[compare] No mem.jsonl rows found in either run.\n");
        status = LAB_USAGE;
    } else {
        printf("[compare] A: %s\n[compare] B: %s\n", argv[1], argv[2]);
        print(&a, &b, tags, count);
    }
    lab_run_free(&a);
    lab_run_free(&b);
    return status;
}
