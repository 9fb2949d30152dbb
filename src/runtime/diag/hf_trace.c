// SPDX-License-Identifier: MIT
// Multi-writer trace ring. Slot words: 0 sequence (2n+1 while entry n is written, 2n+2 when it is whole), 1 the last entry
// that was given up there (2n+2), 2 time, 3 bytes, 4 block, 5 caller, 6 pool and kind and tag, 7 status and frames,
// 8.. frames.
// Invariants: a slot has one writer at a time (whoever swapped its even sequence for an odd one); the sequence of a
// slot only ascends; data words are stored with release and loaded with acquire, so that who saw a newer word sees
// the newer sequence.
#include "holdfast/hf_trace.h"

#include "../sync/hf_word.h"

#define CAPACITY_MAX 32768u

enum { AT_SEQUENCE, AT_GIVEN_UP, AT_DATA };
enum { DATA_TIME, DATA_BYTES, DATA_BLOCK, DATA_CALLER, DATA_WHO, DATA_REST, DATA_FRAMES };

#define DATA_WORDS (HF_TRACE_SLOT_WORDS - AT_DATA)

static uint32_t whole(uint32_t number)
{
    return number * 2u + 2u;
}

/// Whether mark a is later than mark b, modulo 2^32.
static bool is_later(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

static hf_atomic_u32_t *slot_of(const hf_trace_t *trace, uint32_t number)
{
    return &trace->slots[(number & trace->mask) * HF_TRACE_SLOT_WORDS];
}

int hf_trace_init(hf_trace_t *trace, const hf_trace_config_t *config)
{
    if (trace == NULL || config == NULL || config->storage == NULL ||
        ((uintptr_t)config->storage & 3u) != 0 || config->capacity < 2u ||
        config->capacity > CAPACITY_MAX || (config->capacity & (config->capacity - 1u)) != 0) {
        return HF_E_ARGUMENT;
    }
    *trace = (hf_trace_t){.slots = config->storage,
                          .mask = config->capacity - 1u,
                          .address_base = config->address_base,
                          .stack = config->stack,
                          .ctx = config->ctx};
    for (uint32_t i = 0; i < config->capacity; i++) {
        // As if the lap before number 0 had been written.
        hf_atomic_u32_t *slot = slot_of(trace, i);
        atomic_init(&slot[AT_SEQUENCE], whole(i - config->capacity));
        atomic_init(&slot[AT_GIVEN_UP], whole(i - config->capacity));
    }
    return HF_OK;
}

void hf_trace_set_clock(hf_trace_t *trace, uint32_t now_ms)
{
    atomic_store_explicit(&trace->clock_ms, now_ms, memory_order_relaxed);
}

#if CONFIG_HF_TRACE_FRAMES > 0
/// Return addresses along the chain of frame pointers, as far as it stays within the stack and ascends. A frame is the saved
/// frame pointer and behind it the return address. Returns how many were found beyond `caller`.
/// AddressSanitizer must not mind: where code has no frame pointers the chain may lead anywhere on the stack.
__attribute__((no_sanitize_address)) static uint32_t walk(const hf_trace_t *trace, uintptr_t frame,
                                                          uintptr_t caller, uint32_t *found)
{
    hf_trace_stack_t stack;
    uint32_t count = 0;
    bool is_past_caller = false;
    if (trace->stack == NULL || !trace->stack(trace->ctx, &stack)) {
        return 0;
    }
    while (count < CONFIG_HF_TRACE_FRAMES && frame >= stack.low && frame % sizeof(uintptr_t) == 0 &&
           stack.high > 2u * sizeof(uintptr_t) && frame <= stack.high - 2u * sizeof(uintptr_t)) {
        const uintptr_t *words = (const uintptr_t *)frame;
        uintptr_t address = words[1];
        if (is_past_caller) {
            found[count++] = (uint32_t)(address - trace->address_base);
        }
        is_past_caller = is_past_caller || address == caller;
        if (words[0] <= frame) {
            break;
        }
        frame = words[0];
    }
    return count;
}
#endif

static void fill(hf_atomic_u32_t *slot, const uint32_t *data, uint32_t number)
{
    for (uint32_t i = 0; i < DATA_WORDS; i++) {
        atomic_store_explicit(&slot[AT_DATA + i], data[i], memory_order_release);
    }
    atomic_store_explicit(&slot[AT_SEQUENCE], whole(number), memory_order_release);
}

/// Marks entry `number` as one nobody will write. A later mark of the same slot stays.
static void give_up(hf_atomic_u32_t *slot, uint32_t number)
{
    uint32_t was = word_read(&slot[AT_GIVEN_UP]);
    while (is_later(whole(number), was) && !word_swap(&slot[AT_GIVEN_UP], &was, whole(number))) {
    }
}

void hf_trace_add(hf_trace_t *trace, const hf_trace_event_t *event)
{
    if (trace == NULL) {
        return;
    }
    uint32_t data[DATA_WORDS] = {[DATA_TIME] = word_read(&trace->clock_ms),
                                 [DATA_BYTES] = event->bytes,
                                 [DATA_BLOCK] = event->block,
                                 [DATA_CALLER] = (uint32_t)(event->caller - trace->address_base),
                                 [DATA_WHO] = event->pool | (uint32_t)event->kind << 16 |
                                              (uint32_t)event->tag << 24,
                                 [DATA_REST] = (uint8_t)event->status};
#if CONFIG_HF_TRACE_FRAMES > 0
    uint32_t frames =
        walk(trace, (uintptr_t)__builtin_frame_address(0), event->caller, &data[DATA_FRAMES]);
    data[DATA_REST] |= frames << 8;
#endif
    uint32_t number = word_add(&trace->head, 1u);
    hf_atomic_u32_t *slot = slot_of(trace, number);
    uint32_t sequence = word_read(&slot[AT_SEQUENCE]);
    bool is_free = (sequence & 1u) == 0 && is_later(whole(number), sequence);
    if (is_free && word_swap(&slot[AT_SEQUENCE], &sequence, number * 2u + 1u)) {
        fill(slot, data, number);
    } else {
        give_up(slot, number);
    }
}

static void unpack(const uint32_t *data, uint32_t number, hf_trace_entry_t *entry)
{
    *entry = (hf_trace_entry_t){.sequence = number,
                                .time_ms = data[DATA_TIME],
                                .bytes = data[DATA_BYTES],
                                .block = data[DATA_BLOCK],
                                .caller = data[DATA_CALLER],
                                .pool = (uint16_t)data[DATA_WHO],
                                .kind = (uint8_t)(data[DATA_WHO] >> 16),
                                .tag = (uint8_t)(data[DATA_WHO] >> 24),
                                .status = (int8_t)(uint8_t)data[DATA_REST]};
#if CONFIG_HF_TRACE_FRAMES > 0
    uint32_t frames = data[DATA_REST] >> 8;
    entry->frame_count =
        (uint8_t)(frames < CONFIG_HF_TRACE_FRAMES ? frames : CONFIG_HF_TRACE_FRAMES);
    for (uint32_t i = 0; i < entry->frame_count; i++) {
        entry->frame[i] = data[DATA_FRAMES + i];
    }
#endif
}

int hf_trace_read(const hf_trace_t *trace, uint32_t sequence, hf_trace_entry_t *entry)
{
    const hf_atomic_u32_t *slot = slot_of(trace, sequence);
    const uint32_t wanted = whole(sequence);
    uint32_t data[DATA_WORDS];
    uint32_t found = atomic_load_explicit(&slot[AT_SEQUENCE], memory_order_acquire);
    if (found != wanted) {
        // The head first: who is not drawn yet has not been given up either.
        uint32_t behind = hf_trace_head(trace) - sequence;
        bool is_gone =
            is_later(found, wanted) || behind - 1u > trace->mask ||
            !is_later(wanted, atomic_load_explicit(&slot[AT_GIVEN_UP], memory_order_acquire));
        return is_gone ? HF_E_NOT_FOUND : HF_E_AGAIN;
    }
    for (uint32_t i = 0; i < DATA_WORDS; i++) {
        data[i] = atomic_load_explicit(&slot[AT_DATA + i], memory_order_acquire);
    }
    if (word_read(&slot[AT_SEQUENCE]) != wanted) {
        return HF_E_NOT_FOUND;
    }
    unpack(data, sequence, entry);
    return HF_OK;
}

int hf_trace_get(hf_trace_t *trace, hf_trace_entry_t *entry)
{
    const uint32_t capacity = trace->mask + 1u;
    uint32_t tail = word_read(&trace->tail);
    uint32_t lost = 0;
    int status = HF_E_NOT_FOUND;
    while (status == HF_E_NOT_FOUND) {
        uint32_t head = atomic_load_explicit(&trace->head, memory_order_acquire);
        if (head - tail > capacity) {
            lost += head - tail - capacity;
            tail = head - capacity;
        }
        if (head == tail) {
            status = HF_E_EMPTY;
            break;
        }
        status = hf_trace_read(trace, tail, entry);
        tail += status == HF_E_AGAIN ? 0 : 1u;
        lost += status == HF_E_NOT_FOUND ? 1u : 0;
    }
    atomic_store_explicit(&trace->lost, word_read(&trace->lost) + lost, memory_order_relaxed);
    atomic_store_explicit(&trace->tail, tail, memory_order_relaxed);
    return status;
}

uint32_t hf_trace_head(const hf_trace_t *trace)
{
    return atomic_load_explicit(&trace->head, memory_order_acquire);
}

uint32_t hf_trace_lost(const hf_trace_t *trace)
{
    return word_read(&trace->lost);
}
