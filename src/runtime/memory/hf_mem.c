// SPDX-License-Identifier: MIT
// What becomes of a request: understood, served from the smallest tier, a larger one, the region or after a wait, or
// refused with one reason; and the way back. Each public call evaluates its own return address for the trace.
#include "hf_mem_private.h"
#if CONFIG_HF_TRACE
#include "holdfast/hf_trace.h"
#define CALLER() HF_TRACE_CALLER()
#else
#define CALLER() ((uintptr_t)0)
#endif
#include "holdfast/hf_histogram.h"

#include <string.h>

/// Waits are cut into looks so far apart, for a port whose `wait` does not know of gives.
#define LOOK_US 1000u

static uint32_t clipped(size_t bytes)
{
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static void tell_refused(hf_mem_t *mem, const order_t *order)
{
    if (mem->histogram != NULL) {
        hf_histogram_refuse(mem->histogram, clipped(order->bytes));
    }
#if CONFIG_HF_TRACE
    mem_trace(mem,
              &(hf_trace_event_t){.caller = order->caller,
                                  .bytes = clipped(order->bytes),
                                  .kind = HF_TRACE_REFUSED,
                                  .tag = order->tag},
              order->tier);
#endif
}

static void tell_wrong(hf_mem_t *mem, const void *block, int status, uintptr_t caller)
{
#if CONFIG_HF_TRACE
    const uint32_t offset = (uint32_t)((uintptr_t)block - mem->config.states[0].first_block);
    mem_trace(
        mem,
        &(hf_trace_event_t){
            .caller = caller, .block = offset, .kind = HF_TRACE_WRONG, .status = (int8_t)status},
        0);
#else
    (void)mem;
    (void)block;
    (void)status;
    (void)caller;
#endif
}

static hf_tag_t known_tag(hf_mem_t *mem, hf_tag_t tag)
{
    const hf_mem_seams_t *seams = &mem->config.seams;
    if (tag == HF_MEM_TAG_RUNNING) {
        tag = seams->running_tag != NULL ? seams->running_tag(seams->ctx) : HF_TAG_NONE;
    }
    if (tag != HF_TAG_NONE && tag >= mem->config.tag_count) {
        word_count(&mem->unknown_tags);
        return HF_TAG_NONE;
    }
    return tag;
}

static bool may_use_region(const hf_mem_t *mem, const hf_mem_policy_t *policy)
{
#if CONFIG_HF_MEM_REGION_FALLBACK && !CONFIG_HF_MEM_STRICT
    return policy->region && mem->config.region != NULL;
#else
    (void)mem;
    (void)policy;
    return false;
#endif
}

static int understand(hf_mem_t *mem, const hf_mem_request_t *request, order_t *order)
{
    order->bytes = request->bytes;
    order->policy = request->policy != NULL ? *request->policy : mem->config.policy;
    order->tag = known_tag(mem, request->tag);
    order->is_emergency = request->is_emergency;
    order->tier = MEM_REGION;
    if (request->bytes == 0) {
        return HF_E_ARGUMENT;
    }
    order->tier = mem_tier_of(mem, request->bytes);
    if (order->tier == MEM_REGION && !may_use_region(mem, &order->policy)) {
        return HF_E_TOO_LONG;
    }
    return HF_OK;
}

/// The last tier the policy lets a request go up to.
static uint32_t last_tier(const hf_mem_t *mem, const order_t *order)
{
#if CONFIG_HF_MEM_STRICT
    (void)mem;
    return order->tier;
#else
    const uint32_t top = mem->tier_count - 1u;
    if (order->policy.spill == HF_MEM_ANY_UP) {
        return top;
    }
    return order->policy.spill == HF_MEM_ONE_UP && order->tier < top ? order->tier + 1u
                                                                     : order->tier;
#endif
}

/// HF_OK, HF_E_FULL, HF_E_QUOTA.
static int serve(hf_mem_t *mem, const order_t *order, void **block)
{
    int refusal = HF_E_FULL;
    if (order->tier != MEM_REGION) {
        hf_mem_tier_state_t *tier = &mem->config.states[order->tier];
        const uint32_t last = last_tier(mem, order);
        for (uint32_t number = order->tier; number <= last; number++) {
            const int status = mem_take_from(mem, order, number, block);
            if (status == HF_OK && number != order->tier) {
                word_count(&tier->spilled_up);
            }
            if (status == HF_OK) {
                return status;
            }
            if (status == HF_E_QUOTA) {
                // The region's blocks are as large as asked; and one of the smallest tier may come free in time.
                const bool may_come = number != order->tier && order->policy.wait_us > 0;
                refusal = may_come ? HF_E_FULL : HF_E_QUOTA;
                break;
            }
        }
    }
    if (!may_use_region(mem, &order->policy)) {
        return refusal;
    }
    const int status = mem_take_from_region(mem, order, block);
    if (status == HF_OK && order->tier != MEM_REGION) {
        word_count(&mem->config.states[order->tier].spilled_region);
    }
    return status == HF_E_FULL ? refusal : status;
}

/// Looks again until the time is over. HF_OK, HF_E_QUOTA, HF_E_TIMEOUT, HF_E_STATE (waiting is not possible here).
/// Ends: each wait takes a microsecond at least of the time there is.
static int serve_in_time(hf_mem_t *mem, order_t *order, void **block)
{
    const hf_mem_seams_t *seams = &mem->config.seams;
    uint32_t left_us = order->policy.wait_us;
    order->is_retry = true;
    while (left_us > 0) {
        const uint32_t asked_us = left_us < LOOK_US ? left_us : LOOK_US;
        const uint32_t waited_us = seams->wait != NULL ? seams->wait(seams->ctx, asked_us) : 0;
        if (waited_us == 0) {
            return HF_E_STATE;
        }
        const int status = serve(mem, order, block);
        if (status == HF_OK && order->tier != MEM_REGION) {
            word_count(&mem->config.states[order->tier].waited);
        }
        if (status != HF_E_FULL) {
            return status;
        }
        left_us -= waited_us < left_us ? waited_us : left_us;
    }
    return HF_E_TIMEOUT;
}

static int take(hf_mem_t *mem, const hf_mem_request_t *request, void **block, uintptr_t caller)
{
    order_t order = {.caller = caller};
    *block = NULL;
    int status = understand(mem, request, &order);
    if (status == HF_OK) {
        status = serve(mem, &order, block);
        if (status == HF_E_FULL && order.policy.wait_us > 0) {
            status = serve_in_time(mem, &order, block);
        }
    }
    if (status != HF_OK) {
        *block = NULL;
        mem_note_failure(mem, &order, status);
        tell_refused(mem, &order);
    }
    return status;
}

static void *take_or_null(hf_mem_t *mem, const hf_mem_request_t *request, uintptr_t caller)
{
    void *block;
    return take(mem, request, &block, caller) == HF_OK ? block : NULL;
}

int hf_mem_request(hf_mem_t *mem, const hf_mem_request_t *request, void **block)
{
    return take(mem, request, block, CALLER());
}

void *hf_mem_take(hf_mem_t *mem, size_t bytes)
{
    const hf_mem_request_t request = {.bytes = bytes, .tag = HF_MEM_TAG_RUNNING};
    return take_or_null(mem, &request, CALLER());
}

void *hf_mem_take_tagged(hf_mem_t *mem, size_t bytes, hf_tag_t tag)
{
    const hf_mem_request_t request = {.bytes = bytes, .tag = tag};
    return take_or_null(mem, &request, CALLER());
}

void *hf_mem_take_emergency(hf_mem_t *mem, size_t bytes)
{
    const hf_mem_request_t request = {
        .bytes = bytes, .tag = HF_MEM_TAG_RUNNING, .is_emergency = true};
    return take_or_null(mem, &request, CALLER());
}

/// Told and counted: exactly one counter per wrong give.
static int refuse_give(hf_mem_t *mem, const void *block, int status, uintptr_t caller)
{
    word_count(status == HF_E_FOREIGN    ? &mem->foreign
               : status == HF_E_INTERIOR ? &mem->interior
               : status == HF_E_CORRUPT  ? &mem->overruns
                                         : &mem->double_gives);
    tell_wrong(mem, block, status, caller);
    return status;
}

static int give(hf_mem_t *mem, void *block, uintptr_t caller)
{
    place_t place = {0};
    int status = mem_find(mem, block, &place);
    if (status != HF_OK) {
        return refuse_give(mem, block, mem_verdict(mem, block, status), caller);
    }
    // Of two who give the same block at the same time one gets the record, and gives.
    const uint32_t record = word_exchange(place.record, 0);
    if (record == 0) {
        return refuse_give(mem, block, HF_E_DOUBLE_GIVE, caller);
    }
    mem_note_given(mem, &place, record, caller);
    status = mem_return(mem, &place, block);
    if ((word_read(&mem->low_state) | word_read(&mem->critical_state)) != 0) {
        mem_judge(mem, place.tier);
    }
    if (status == HF_E_OVERRUN) {
        word_count(&mem->overruns);
        tell_wrong(mem, block, status, caller);
    } else if (status != HF_OK) {
        // Somebody gave it to the pool itself, behind the back of this instance; or a header of the region is damaged.
        return refuse_give(mem, block, status, caller);
    }
    return status;
}

int hf_mem_give(hf_mem_t *mem, void *block)
{
    return give(mem, block, CALLER());
}

/// As a give and a take, so that every give told names the bytes of its take.
static void tell_resized(hf_mem_t *mem, const place_t *place, uint32_t old_bytes,
                         uint32_t new_bytes, uintptr_t caller)
{
    if (mem->histogram != NULL) {
        hf_histogram_give(mem->histogram, old_bytes);
        hf_histogram_take(mem->histogram, new_bytes);
    }
#if CONFIG_HF_TRACE
    hf_trace_event_t event = {.caller = caller,
                              .bytes = old_bytes,
                              .block = place->index,
                              .kind = HF_TRACE_GIVE,
                              .tag = MEM_RECORD_TAG(word_read(place->record))};
    mem_trace(mem, &event, place->tier);
    event.bytes = new_bytes;
    event.kind = HF_TRACE_TAKE;
    mem_trace(mem, &event, place->tier);
#else
    (void)place;
    (void)caller;
#endif
}

/// False when somebody gave the block meanwhile: then its record must stay 0.
static bool resize_in_place(hf_mem_t *mem, const place_t *place, size_t bytes, uintptr_t caller)
{
    uint32_t record = word_read(place->record);
    if (place->tier == MEM_REGION) {
        word_count(&mem->resized_in_place);
        return true; // smaller: it counts as it was taken until it is given
    }
    do {
        if (record == 0) {
            return false;
        }
    } while (!word_swap(place->record, &record, MEM_RECORD(MEM_RECORD_TAG(record), bytes)));
    const uint32_t old = MEM_RECORD_BYTES(record);
    word_count(&mem->resized_in_place);
    (void)word_add(&mem->requested_bytes, (uint32_t)bytes - old);
    tell_resized(mem, place, old, (uint32_t)bytes, caller);
    return true;
}

static int move(hf_mem_t *mem, const place_t *place, void **block, size_t bytes, uintptr_t caller)
{
    const hf_mem_request_t request = {.bytes = bytes,
                                      .tag = MEM_RECORD_TAG(word_read(place->record))};
    void *new_block;
    const int status = take(mem, &request, &new_block, caller);
    if (status != HF_OK) {
        return status;
    }
    memcpy(new_block, *block, bytes < place->bytes ? bytes : place->bytes);
    word_count(&mem->moved);
    const int given = give(mem, *block, caller);
    *block = new_block;
    return given == HF_E_OVERRUN
               ? HF_OK
               : given; // the overrun is counted; the content is where it should be
}

int hf_mem_resize(hf_mem_t *mem, void **block, size_t bytes)
{
    if (*block == NULL) {
        const hf_mem_request_t request = {.bytes = bytes, .tag = HF_MEM_TAG_RUNNING};
        return take(mem, &request, block, CALLER());
    }
    if (bytes == 0) {
        const int status = give(mem, *block, CALLER());
        *block = status == HF_OK || status == HF_E_OVERRUN ? NULL : *block;
        return status;
    }
    place_t place = {0};
    const int status = mem_find(mem, *block, &place);
    if (status != HF_OK) {
        return refuse_give(mem, *block, mem_verdict(mem, *block, status), CALLER());
    }
    if (bytes <= place.bytes) {
        return resize_in_place(mem, &place, bytes, CALLER())
                   ? HF_OK
                   : refuse_give(mem, *block, HF_E_DOUBLE_GIVE, CALLER());
    }
    if (place.tier == MEM_REGION && mem_grow_in_region(mem, &place, bytes)) {
        word_count(&mem->resized_in_place);
        tell_resized(mem, &place, place.bytes, (uint32_t)bytes, CALLER());
        return HF_OK;
    }
    return move(mem, &place, block, bytes, CALLER());
}

size_t hf_mem_block_bytes(const hf_mem_t *mem, const void *block)
{
    place_t place = {0};
    return mem_find(mem, block, &place) == HF_OK ? place.bytes : 0;
}

bool hf_mem_owns(const hf_mem_t *mem, const void *address)
{
    place_t place = {0};
    return mem_owns_blocks(mem, address) || mem_find(mem, address, &place) == HF_OK;
}
