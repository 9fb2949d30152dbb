// SPDX-License-Identifier: MIT
// Any bytes, line by line, through the reader of traces, and what it delivers through a replay. Invariants: what was read is
// written again as the same line; the replay never gives what it does not hold; taken less given is what is held.
#include "fuzz.h"
#include "holdfast/hf_record.h"
#include "holdfast/hf_replay.h"

#include <string.h>

#define HELD_MAX 64u

static void write_again(const hf_record_t *record, hf_builder_t *out)
{
    switch (record->type) {
    case HF_RECORD_HEADER:
        hf_record_write_header(out);
        break;
    case HF_RECORD_POOL:
        hf_record_write_pool(out, &record->pool);
        break;
    case HF_RECORD_TAG:
        hf_record_write_tag(out, record->tag, record->tag_name);
        break;
    case HF_RECORD_RESTART:
        hf_record_write_restart(out, record->restart_ms);
        break;
    case HF_RECORD_ENTRY:
        hf_record_write_entry(out, &record->entry);
        break;
    case HF_RECORD_REMARK:
        break;
    }
}

static void compare(hf_slice_t line, const hf_record_t *record)
{
    char text[HF_RECORD_LINE_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    write_again(record, &out);
    must(!out.overflow);
    must(record->type == HF_RECORD_REMARK ||
         (out.length == line.length + 1u && memcmp(text, line.text, line.length) == 0));
}

typedef struct target {
    bool held[HELD_MAX];
    uint32_t count;
} target_t;

static bool take(void *ctx, uint32_t id, uint32_t bytes)
{
    target_t *target = ctx;
    must(id < HELD_MAX && !target->held[id]);
    if (bytes % 7u == 3u) {
        return false;
    }
    target->held[id] = true;
    target->count++;
    return true;
}

static void give(void *ctx, uint32_t id)
{
    target_t *target = ctx;
    must(id < HELD_MAX && target->held[id]);
    target->held[id] = false;
    target->count--;
}

static void replay_entry(hf_replay_t *replay, const hf_trace_entry_t *entry, const target_t *target)
{
    int status = hf_replay_entry(replay, entry);
    must(status == HF_OK || status == HF_E_REFUSED || status == HF_E_FULL);
    must(replay->held_count == target->count);
    must(replay->takes - replay->refused - replay->gives == target->count);
    must(replay->live.count <= HELD_MAX && replay->held_count <= replay->live.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_live_block_t blocks[HELD_MAX];
    uint32_t heads[HELD_MAX];
    target_t target = {.count = 0};
    hf_replay_t replay;
    const hf_replay_config_t config = {.target = {.take = take, .give = give, .ctx = &target},
                                       .blocks = blocks,
                                       .heads = heads,
                                       .capacity = HELD_MAX};
    hf_record_reader_t reader = {0};
    must(hf_replay_init(&replay, &config) == HF_OK);
    for (size_t at = 0, end; at < size; at = end + 1u) {
        for (end = at; end < size && data[end] != '\n'; end++) {
        }
        hf_slice_t line = {.text = (const char *)data + at, .length = end - at};
        hf_record_t record;
        if (hf_record_read(&reader, line, &record) != HF_OK) {
            continue;
        }
        compare(line, &record);
        if (record.type == HF_RECORD_ENTRY) {
            replay_entry(&replay, &record.entry, &target);
        } else if (record.type == HF_RECORD_RESTART) {
            hf_replay_give_all(&replay);
            must(target.count == 0);
        }
    }
    hf_replay_give_all(&replay);
    must(target.count == 0 && replay.held_bytes == 0 && replay.live.count == 0);
    return 0;
}
