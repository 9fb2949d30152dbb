// SPDX-License-Identifier: MIT
// Replays a recorded trace (hf_record.h) on each manager in several amounts of memory, and says what each could still
// serve over time. Lines: `trace ENTRIES HOURS PEAK_BYTES PEAK_BLOCKS LARGEST`, then per run `run MANAGER MEMORY_BYTES TAKES
// REFUSED FIRST_REFUSAL_MS WORST_FRAGMENTATION_PERMILLE` (-1: never), and its `sample TIME_MS HELD FREE LARGEST`.
// Usage: replay_heaps TRACE SAMPLES PERCENT...   (memory as a percentage of the most bytes live at once)
#include "replay_heaps.h"

#include "holdfast/hf_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entries {
    hf_trace_entry_t *entry; // a restart is an entry of no kind
    size_t count, capacity;
} entries_t;

#define RESTART HF_TRACE_KINDS

static void fail(const char *what, unsigned long line)
{
    (void)fprintf(stderr, "replay_heaps: %s (line %lu)\n", what, line);
    exit(EXIT_FAILURE);
}

static void append(entries_t *entries, const hf_trace_entry_t *entry)
{
    if (entries->count == entries->capacity) {
        entries->capacity = entries->capacity == 0 ? 65536u : entries->capacity * 2u;
        entries->entry = realloc(entries->entry, entries->capacity * sizeof *entry);
        if (entries->entry == NULL) {
            fail("out of memory", 0);
        }
    }
    entries->entry[entries->count++] = *entry;
}

static entries_t read_trace(const char *path)
{
    entries_t entries = {0};
    hf_record_reader_t reader = {0};
    char line[512];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail("cannot open the trace", 0);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        hf_record_t record;
        hf_slice_t slice = {.text = line, .length = strcspn(line, "\n")};
        int status = hf_record_read(&reader, slice, &record);
        if (status < 0) {
            fail(hf_status_text(status), reader.lines);
        }
        if (record.type == HF_RECORD_ENTRY) {
            append(&entries, &record.entry);
        } else if (record.type == HF_RECORD_RESTART) {
            append(&entries, &(hf_trace_entry_t){.kind = RESTART, .time_ms = record.restart_ms});
        }
    }
    (void)fclose(file);
    if (reader.missing != 0) {
        fail("the trace has holes: record it with a larger ring", reader.lines);
    }
    return entries;
}

static uint32_t asked_bytes[REPLAY_BLOCKS_MAX];

static bool note_take(void *ctx, uint32_t id, uint32_t bytes)
{
    replay_known_t *known = ctx;
    asked_bytes[id] = bytes;
    hf_histogram_take(&known->histogram, bytes);
    known->largest_bytes = bytes > known->largest_bytes ? bytes : known->largest_bytes;
    return true;
}

static void note_give(void *ctx, uint32_t id)
{
    replay_known_t *known = ctx;
    hf_histogram_give(&known->histogram, asked_bytes[id]);
}

static void print_sample(void *ctx, const hf_replay_sample_t *sample)
{
    (void)ctx;
    printf("sample %u %u %u %u\n", sample->time_ms, sample->held_bytes, sample->free_bytes,
           sample->largest_bytes);
}

static hf_replay_t replay(const entries_t *entries, const hf_replay_target_t *target,
                          uint32_t sample_ms)
{
    static hf_live_block_t blocks[REPLAY_BLOCKS_MAX];
    static uint32_t heads[REPLAY_BLOCKS_MAX];
    hf_replay_t run;
    const hf_replay_config_t config = {.target = *target,
                                       .blocks = blocks,
                                       .heads = heads,
                                       .capacity = REPLAY_BLOCKS_MAX,
                                       .sample_ms = sample_ms};
    if (hf_replay_init(&run, &config) != HF_OK) {
        fail("the replay does not start", 0);
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->entry[i].kind == RESTART) {
            hf_replay_give_all(&run);
        } else if (hf_replay_entry(&run, &entries->entry[i]) == HF_E_FULL) {
            fail("more blocks live at once than this program can hold", 0);
        }
    }
    return run;
}

static void run_manager(const entries_t *entries, const replay_known_t *known,
                        const replay_manager_t *manager, uint32_t memory_bytes, uint32_t sample_ms)
{
    static replay_heap_t heap; // its storage serves run after run
    heap.known = known;
    heap.memory_bytes = memory_bytes;
    if (!manager->start(&heap)) {
        printf("too-little %s %u\n", manager->name, memory_bytes);
        return;
    }
    const hf_replay_target_t target = {.take = manager->take,
                                       .give = manager->give,
                                       .measure = manager->measure,
                                       .report = print_sample,
                                       .ctx = &heap};
    printf("begin %s %u\n", manager->name, heap.memory_bytes);
    hf_replay_t run = replay(entries, &target, sample_ms);
    printf("run %s %u %llu %llu %lld %u\n", manager->name, heap.memory_bytes,
           (unsigned long long)run.takes, (unsigned long long)run.refused,
           run.failure.entry == 0 ? -1ll : (long long)run.failure.time_ms, run.worst_permille);
}

int main(int argc, char **argv)
{
    static replay_known_t known;
    if (argc < 4) {
        (void)fprintf(stderr, "Usage: replay_heaps TRACE SAMPLES PERCENT...\n");
        return 2;
    }
    entries_t entries = read_trace(argv[1]);
    if (entries.count == 0) {
        fail("an empty trace", 0);
    }
    const hf_replay_target_t notes = {.take = note_take, .give = note_give, .ctx = &known};
    hf_replay_t first = replay(&entries, &notes, 0);
    known.peak_bytes = first.peak_held_bytes;
    known.peak_blocks = (uint32_t)first.live.peak_count;
    uint32_t length_ms = entries.entry[entries.count - 1u].time_ms;
    printf("trace %zu %.1f %u %u %u\n", entries.count, (double)length_ms / 3.6e6, known.peak_bytes,
           known.peak_blocks, known.largest_bytes);
    unsigned long samples = strtoul(argv[2], NULL, 10);
    uint32_t sample_ms = length_ms / (uint32_t)(samples < 1u ? 1u : samples) + 1u;
    for (int i = 3; i < argc; i++) {
        unsigned long percent = strtoul(argv[i], NULL, 10);
        uint32_t memory_bytes = (uint32_t)((uint64_t)known.peak_bytes * percent / 100u);
        for (unsigned m = 0; m < REPLAY_MANAGERS; m++) {
            bool is_cut_to_trace = m == REPLAY_MANAGERS - 1u;
            if (!is_cut_to_trace || i == 3) { // pools need what they need, once
                run_manager(&entries, &known, &replay_managers[m], memory_bytes, sample_ms);
            }
        }
    }
    free(entries.entry);
    return EXIT_SUCCESS;
}
