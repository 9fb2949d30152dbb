// SPDX-License-Identifier: MIT
// The books: bytes and blocks per tag and in all, peaks, totals, the edges of alerts. Everything is a 32-bit atomic word
// moved by one addition, so any number of tasks and interrupts leave exact sums behind; no callback is made here.
#include "hf_mem_private.h"
#include "holdfast/hf_histogram.h"

bool mem_charge(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes)
{
    if (mem->config.tag_count <= tag || mem->config.tags[tag].hard_bytes == 0) {
        return true;
    }
    const uint32_t limit = mem->config.tags[tag].hard_bytes;
    hf_mem_tag_state_t *state = &mem->tags[tag];
    uint32_t charged = word_read(&state->charged_bytes);
    do {
        if (bytes > limit || charged > limit - bytes) {
            return false;
        }
    } while (!word_swap(&state->charged_bytes, &charged, charged + bytes));
    return true;
}

void mem_refund(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes)
{
    if (mem->config.tag_count > tag && mem->config.tags[tag].hard_bytes != 0) {
        (void)word_add(&mem->tags[tag].charged_bytes, 0u - bytes);
    }
}

// `high` counts the flips of the top bit of `low`, so that a reader sees by that bit a carry that is still on its way.
static void add_total(hf_mem_total_t *total, uint32_t amount)
{
    const uint32_t before = word_add(&total->low, amount);
    if (((before ^ (before + amount)) >> 31) != 0) {
        uint32_t high = word_read(&total->high);
        while (!word_swap(&total->high, &high, high + 1u)) {
        }
    }
}

/// An edge while callbacks run may be theirs: it is told at the next poll, and counted as nested.
static void note_edge(hf_mem_t *mem, hf_atomic_u32_t *counter)
{
    word_count(counter);
    if (word_read(&mem->is_polling) != 0) {
        word_count(&mem->nested);
    }
}

static void judge_level(hf_mem_t *mem, const hf_mem_level_t *level, uint32_t use, uint32_t bit,
                        bool is_critical)
{
    hf_atomic_u32_t *state = is_critical ? &mem->critical_state : &mem->low_state;
    const bool stands = (word_read(state) & bit) != 0;
    if (!stands && use >= level->on) {
        if ((word_set_bits(state, bit) & bit) == 0) {
            note_edge(mem, is_critical ? &mem->critical_raised : &mem->low_raised);
        }
    } else if (stands && use < level->off) {
        (void)word_keep_bits(state, ~bit);
    }
}

void mem_judge(hf_mem_t *mem, uint32_t tier)
{
    const uint32_t all = 1u << HF_MEM_TIERS_MAX, use = word_read(&mem->in_use_bytes);
    judge_level(mem, &mem->low, use, all, false);
    judge_level(mem, &mem->critical, use, all, true);
    if (tier < mem->tier_count) {
        const hf_mem_tier_state_t *state = &mem->config.states[tier];
        const uint32_t blocks = word_read(&state->in_use);
        judge_level(mem, &state->low, blocks, 1u << tier, false);
        judge_level(mem, &state->critical, blocks, 1u << tier, true);
    }
}

static void judge_soft(hf_mem_t *mem, hf_tag_t tag, uint32_t held)
{
    hf_mem_tag_state_t *state = &mem->tags[tag];
    const uint32_t soft = tag < mem->config.tag_count ? mem->config.tags[tag].soft_bytes : 0;
    if (soft == 0) {
        return;
    }
    if (word_read(&state->is_over_soft) == 0) {
        if (held > soft && word_exchange(&state->is_over_soft, 1u) == 0) {
            note_edge(mem, &state->soft_raised);
        }
    } else if (held <= soft - soft / 20u) {
        word_write(&state->is_over_soft, 0);
    }
}

void mem_judge_soft(hf_mem_t *mem, hf_tag_t tag)
{
    judge_soft(mem, tag, word_read(&mem->tags[tag].bytes));
}

static void note_tag_bytes(hf_mem_t *mem, hf_tag_t tag, uint32_t more)
{
    hf_mem_tag_state_t *state = &mem->tags[tag];
    const uint32_t held = word_add(&state->bytes, more) + more;
    word_raise(&state->peak_bytes, held);
    judge_soft(mem, tag, held);
}

static void note_tag_taken(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes)
{
    word_count(&mem->tags[tag].blocks);
    note_tag_bytes(mem, tag, bytes);
}

void mem_note_grown(hf_mem_t *mem, hf_tag_t tag, uint32_t more)
{
    (void)word_add(&mem->region_bytes, more);
    (void)word_add(&mem->requested_bytes, more);
    note_tag_bytes(mem, tag, more);
}

static void note_tag_given(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes)
{
    hf_mem_tag_state_t *state = &mem->tags[tag];
    const uint32_t held = word_add(&state->bytes, 0u - bytes) - bytes;
    (void)word_add(&state->blocks, 0u - 1u);
    judge_soft(mem, tag, held);
}

static void tell_taken(const hf_mem_t *mem, const order_t *order, const place_t *place)
{
    if (mem->histogram != NULL) {
        hf_histogram_take(mem->histogram, (uint32_t)order->bytes);
    }
#if CONFIG_HF_TRACE
    mem_trace(mem,
              &(hf_trace_event_t){.caller = order->caller,
                                  .bytes = (uint32_t)order->bytes,
                                  .block = place->index,
                                  .kind = HF_TRACE_TAKE,
                                  .tag = order->tag},
              place->tier);
#else
    (void)place;
#endif
}

static void tell_given(const hf_mem_t *mem, const place_t *place, uint32_t record, uintptr_t caller)
{
    const uint32_t bytes = place->tier == MEM_REGION ? place->bytes : MEM_RECORD_BYTES(record);
    if (mem->histogram != NULL) {
        hf_histogram_give(mem->histogram, bytes);
    }
#if CONFIG_HF_TRACE
    mem_trace(mem,
              &(hf_trace_event_t){.caller = caller,
                                  .bytes = bytes,
                                  .block = place->index,
                                  .kind = HF_TRACE_GIVE,
                                  .tag = MEM_RECORD_TAG(record)},
              place->tier);
#else
    (void)caller;
#endif
}

static void note_tier_taken(hf_mem_t *mem, const order_t *order, const place_t *place)
{
    hf_mem_tier_state_t *tier = &mem->config.states[place->tier];
    word_count(&tier->takes);
    // Tokens of emergencies that find nothing may stand for a moment: never more than there is.
    word_raise(&tier->peak, place->in_use < tier->capacity ? place->in_use : tier->capacity);
    word_raise(&mem->peak_bytes, word_add(&mem->in_use_bytes, place->bytes) + place->bytes);
    if (order->is_emergency) {
        word_count(&tier->emergencies);
    }
}

void mem_note_taken(hf_mem_t *mem, const order_t *order, const place_t *place)
{
    if (place->tier == MEM_REGION) {
        word_count(&mem->region_blocks);
        (void)word_add(&mem->region_bytes, place->bytes);
    } else {
        note_tier_taken(mem, order, place);
    }
    (void)word_add(&mem->requested_bytes, (uint32_t)order->bytes);
    add_total(&mem->requested_total, (uint32_t)order->bytes);
    add_total(&mem->served_total, place->bytes);
    note_tag_taken(mem, order->tag, place->bytes);
    mem_judge(mem, place->tier);
    tell_taken(mem, order, place);
}

void mem_note_given(hf_mem_t *mem, const place_t *place, uint32_t record, uintptr_t caller)
{
    const hf_tag_t tag = MEM_RECORD_TAG(record);
    if (place->tier == MEM_REGION) {
        (void)word_add(&mem->region_blocks, 0u - 1u);
        (void)word_add(&mem->region_bytes, 0u - place->bytes);
        (void)word_add(&mem->requested_bytes, 0u - place->bytes);
    } else {
        word_count(&mem->config.states[place->tier].gives);
        (void)word_add(&mem->in_use_bytes, 0u - place->bytes);
        (void)word_add(&mem->requested_bytes, 0u - MEM_RECORD_BYTES(record));
    }
    note_tag_given(mem, tag, place->bytes);
    mem_refund(mem, tag, place->bytes);
    tell_given(mem, place, record, caller);
}

/// The counter that says why: exactly one per refusal.
static hf_atomic_u32_t *reason_of(hf_mem_t *mem, const order_t *order, int status)
{
    if (status == HF_E_ARGUMENT) {
        return &mem->zero_size;
    }
    if (status == HF_E_TOO_LONG) {
        return &mem->too_large;
    }
    if (status == HF_E_QUOTA) {
        return &mem->tags[order->tag].refused;
    }
    if (order->tier == MEM_REGION) {
        return &mem->region_failed;
    }
    hf_mem_tier_state_t *tier = &mem->config.states[order->tier];
    if (status == HF_E_TIMEOUT) {
        return &tier->wait_timeouts;
    }
    return status == HF_E_STATE ? &tier->wait_refused : &tier->failed;
}

void mem_note_failure(hf_mem_t *mem, const order_t *order, int status)
{
    word_write(&mem->failed_bytes, order->bytes < UINT32_MAX ? (uint32_t)order->bytes : UINT32_MAX);
    word_write(&mem->failed_tag, order->tag);
    // By bits: the word is unsigned, statuses are small negative numbers.
    word_write(&mem->last_error, (uint32_t)-status);
    word_count(reason_of(mem, order, status));
    note_edge(mem, &mem->failures);
    mem_judge(mem, order->tier);
}

#if CONFIG_HF_TRACE
void mem_trace(const hf_mem_t *mem, const hf_trace_event_t *event, uint32_t tier)
{
    if (mem->trace != NULL) {
        hf_trace_event_t told = *event;
        told.pool = (uint16_t)(mem->trace_id + (tier == MEM_REGION ? mem->tier_count : tier));
        hf_trace_add(mem->trace, &told);
    }
}
#endif
