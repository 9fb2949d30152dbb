// SPDX-License-Identifier: MIT
// Replay of a trace. The table of live blocks holds what the trace says; bit 0 of `mark` of a block is set while the
// target holds it; bit 1 when its take came before the give of its last owner, at entry `moment`.
#include "holdfast/hf_replay.h"

enum { MARK_HELD = 1, MARK_OWED = 2 };

#define SWAP_ENTRIES 64u

int hf_replay_init(hf_replay_t *replay, const hf_replay_config_t *config)
{
    if (replay == NULL || config == NULL || config->target.take == NULL ||
        config->target.give == NULL) {
        return HF_E_ARGUMENT;
    }
    *replay = (hf_replay_t){.target = config->target, .sample_ms = config->sample_ms};
    return hf_live_init(&replay->live, config->blocks, config->heads, config->capacity);
}

static hf_replay_sample_t measure(const hf_replay_t *replay, uint32_t time_ms)
{
    hf_replay_sample_t sample = {.entries = replay->entries,
                                 .time_ms = time_ms,
                                 .held_bytes = replay->held_bytes,
                                 .held_count = replay->held_count};
    if (replay->target.measure != NULL) {
        replay->target.measure(replay->target.ctx, &sample);
    }
    if (sample.free_bytes > 0 && sample.largest_bytes < sample.free_bytes) {
        sample.fragmentation_permille =
            1000u - (uint32_t)((uint64_t)sample.largest_bytes * 1000u / sample.free_bytes);
    }
    return sample;
}

void hf_replay_take_sample(hf_replay_t *replay, uint32_t time_ms)
{
    if (replay->target.measure == NULL) {
        return;
    }
    hf_replay_sample_t sample = measure(replay, time_ms);
    replay->samples++;
    replay->sum_permille += sample.fragmentation_permille;
    if (sample.fragmentation_permille > replay->worst_permille) {
        replay->worst_permille = sample.fragmentation_permille;
    }
    if (replay->target.report != NULL) {
        replay->target.report(replay->target.ctx, &sample);
    }
}

static void note_refusal(hf_replay_t *replay, const hf_trace_entry_t *entry)
{
    replay->refused++;
    if (replay->failure.entry != 0) {
        return;
    }
    hf_replay_sample_t sample = measure(replay, entry->time_ms);
    replay->failure = (hf_replay_failure_t){.entry = replay->entries,
                                            .sequence = entry->sequence,
                                            .time_ms = entry->time_ms,
                                            .bytes = entry->bytes,
                                            .held_bytes = replay->held_bytes,
                                            .free_bytes = sample.free_bytes,
                                            .largest_bytes = sample.largest_bytes};
}

static void give(hf_replay_t *replay, uint32_t id)
{
    const hf_live_block_t *block = &replay->live.blocks[id];
    if ((block->mark & MARK_HELD) != 0) {
        replay->held_bytes -= block->bytes;
        replay->held_count--;
        replay->gives++;
        replay->target.give(replay->target.ctx, id);
    } else {
        replay->skipped++;
    }
    hf_live_give(&replay->live, id);
}

static int take(hf_replay_t *replay, const hf_trace_entry_t *entry)
{
    uint32_t id;
    bool is_owed = hf_live_find(&replay->live, entry->pool, entry->block, &id) == HF_OK;
    if (is_owed) {
        replay->displaced++;
        give(replay, id);
    }
    if (hf_live_take(&replay->live, entry, &id) != HF_OK) {
        replay->overflow++;
        return HF_E_FULL;
    }
    replay->takes++;
    replay->live.blocks[id].mark = is_owed ? MARK_OWED : 0;
    replay->live.blocks[id].moment = (uint32_t)replay->entries;
    if (!replay->target.take(replay->target.ctx, id, entry->bytes)) {
        note_refusal(replay, entry);
        return HF_E_REFUSED;
    }
    replay->live.blocks[id].mark |= MARK_HELD;
    replay->held_count++;
    replay->held_bytes += entry->bytes;
    if (replay->held_bytes > replay->peak_held_bytes) {
        replay->peak_held_bytes = replay->held_bytes;
    }
    return HF_OK;
}

/// Whether this give is the one that a take just before it made good.
static bool is_late_give(hf_replay_t *replay, uint32_t id)
{
    hf_live_block_t *block = &replay->live.blocks[id];
    bool is_owed =
        (block->mark & MARK_OWED) != 0 && (uint32_t)replay->entries - block->moment <= SWAP_ENTRIES;
    block->mark &= ~(uint32_t)MARK_OWED;
    replay->swapped += is_owed ? 1u : 0;
    return is_owed;
}

static int drive(hf_replay_t *replay, const hf_trace_entry_t *entry)
{
    uint32_t id;
    switch ((hf_trace_kind_t)entry->kind) {
    case HF_TRACE_TAKE:
        return take(replay, entry);
    case HF_TRACE_GIVE:
        if (hf_live_find(&replay->live, entry->pool, entry->block, &id) != HF_OK) {
            replay->unknown++;
        } else if (!is_late_give(replay, id)) {
            give(replay, id);
        }
        return HF_OK;
    case HF_TRACE_REFUSED:
        replay->not_served++;
        return HF_OK;
    case HF_TRACE_WRONG:
        replay->wrong_gives++;
        return HF_OK;
    case HF_TRACE_KINDS:
    default:
        return HF_E_ARGUMENT;
    }
}

int hf_replay_entry(hf_replay_t *replay, const hf_trace_entry_t *entry)
{
    if (replay->entries == 0) {
        replay->sampled_ms = entry->time_ms;
    }
    replay->entries++;
    int status = drive(replay, entry);
    if (replay->sample_ms != 0 && entry->time_ms - replay->sampled_ms >= replay->sample_ms) {
        replay->sampled_ms = entry->time_ms;
        hf_replay_take_sample(replay, entry->time_ms);
    }
    return status;
}

void hf_replay_give_all(hf_replay_t *replay)
{
    for (uint32_t id = 0; id < replay->live.capacity; id++) {
        if (replay->live.blocks[id].is_used) {
            give(replay, id);
        }
    }
}
