// SPDX-License-Identifier: MIT
// The watch: counters, names of callers, and who is within a call. Invariants: what several contexts write is written
// in a critical section of at most HF_SEAL_CONTEXTS_MAX rounds; a name is written before `used` says that it is there
// and never changes until the next seal; a context has at most one place among those within a call.
#include "hf_wrap_private.h"

#include "holdfast/hf_critical.h"

#include <string.h>

static const struct {
    const char *name;
    uint32_t counter; // of state.counters
} functions[HF_WRAP_FUNCTIONS] = {
    [HF_WRAP_MALLOC] = {"malloc", 0},
    [HF_WRAP_CALLOC] = {"calloc", 1},
    [HF_WRAP_REALLOC] = {"realloc", 2},
    [HF_WRAP_REALLOCARRAY] = {"reallocarray", 2},
    [HF_WRAP_STRDUP] = {"strdup", 3},
    [HF_WRAP_STRNDUP] = {"strndup", 3},
    [HF_WRAP_ALIGNED_ALLOC] = {"aligned_alloc", 4},
    [HF_WRAP_MEMALIGN] = {"memalign", 4},
    [HF_WRAP_POSIX_MEMALIGN] = {"posix_memalign", 4},
    [HF_WRAP_FREE] = {"free", 5},
};

enum { FAILED = 6, OVERFLOWS, PORTABLE, IN_REPORT, UNNAMED, COUNTERS };

typedef struct within {
    uintptr_t context;
    bool is_used;
    bool is_reporting;
} within_t;

// As the heap, it exists once: the wrapped functions have no argument to bring it in.
static struct {
    hf_seal_config_t config;
    hf_atomic_u32_t is_sealed; // stored last when sealing: who sees it set sees the rest
    hf_atomic_u32_t used;      // names
    hf_atomic_u32_t counters[COUNTERS];
    within_t within[HF_SEAL_CONTEXTS_MAX];
} state;

static uint32_t read(const hf_atomic_u32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_locked(hf_atomic_u32_t *counter)
{
    atomic_store_explicit(counter, read(counter) + 1u, memory_order_relaxed);
}

static void count(hf_atomic_u32_t *counter)
{
    uint32_t was = hf_critical_enter();
    add_locked(counter);
    hf_critical_exit(was);
}

// ---------------------------------------------------------------------------------------------- sealing

static bool config_is_good(const hf_seal_config_t *config)
{
    if (config == NULL || config->callers == NULL || config->caller_count == 0 ||
        config->caller_count > HF_SEAL_CALLERS_MAX ||
        (config->portable == NULL && config->portable_count != 0)) {
        return false;
    }
    for (uint32_t i = 0; i < config->portable_count; i++) {
        if (config->portable[i].from > config->portable[i].to) {
            return false;
        }
    }
    return true;
}

int hf_mem_seal(const hf_seal_config_t *config)
{
    if (!config_is_good(config)) {
        return HF_E_ARGUMENT;
    }
    if (read(&state.is_sealed) != 0) {
        return HF_E_STATE;
    }
    state.config = *config;
    memset(state.within, 0, sizeof state.within);
    for (uint32_t i = 0; i < COUNTERS; i++) {
        atomic_store_explicit(&state.counters[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&state.used, 0, memory_order_relaxed);
    atomic_store_explicit(&state.is_sealed, 1u, memory_order_release);
    return HF_OK;
}

void hf_mem_unseal(void)
{
    atomic_store_explicit(&state.is_sealed, 0, memory_order_release);
}

hf_seal_stats_t hf_seal_stats(void)
{
    const hf_atomic_u32_t *counters = state.counters;
    hf_seal_stats_t stats = {
        .is_sealed = atomic_load_explicit(&state.is_sealed, memory_order_acquire) != 0,
        .mallocs = read(&counters[functions[HF_WRAP_MALLOC].counter]),
        .callocs = read(&counters[functions[HF_WRAP_CALLOC].counter]),
        .reallocs = read(&counters[functions[HF_WRAP_REALLOC].counter]),
        .strings = read(&counters[functions[HF_WRAP_STRDUP].counter]),
        .aligned = read(&counters[functions[HF_WRAP_MEMALIGN].counter]),
        .frees = read(&counters[functions[HF_WRAP_FREE].counter]),
        .failed = read(&counters[FAILED]),
        .overflows = read(&counters[OVERFLOWS]),
        .portable = read(&counters[PORTABLE]),
        .in_report = read(&counters[IN_REPORT]),
        .callers = read(&state.used),
        .unnamed = read(&counters[UNNAMED]),
    };
    stats.calls = stats.mallocs + stats.callocs + stats.reallocs + stats.strings + stats.aligned;
    return stats;
}

int hf_seal_caller(uint32_t number, uintptr_t *address, uint32_t *calls)
{
    if (number >= atomic_load_explicit(&state.used, memory_order_acquire)) {
        return HF_E_RANGE;
    }
    *address = state.config.callers[number].address;
    *calls = read(&state.config.callers[number].calls);
    return HF_OK;
}

// ---------------------------------------------------------------------------------------------- one call

/// The number of the caller's name from `first` to below `end`, or `end`.
static uint32_t find(uintptr_t address, uint32_t first, uint32_t end)
{
    while (first < end && state.config.callers[first].address != address) {
        first++;
    }
    return first;
}

static void name(uintptr_t address)
{
    const uint32_t seen = atomic_load_explicit(&state.used, memory_order_acquire);
    uint32_t number = find(address, 0, seen);
    uint32_t was = hf_critical_enter();
    const uint32_t used = read(&state.used);
    if (number == seen) {
        number = find(address, seen, used); // who came since; hardly ever anybody
    }
    if (number < used) {
        add_locked(&state.config.callers[number].calls);
    } else if (number < state.config.caller_count) {
        state.config.callers[number].address = address;
        atomic_store_explicit(&state.config.callers[number].calls, 1u, memory_order_relaxed);
        atomic_store_explicit(&state.used, number + 1u, memory_order_release);
    } else {
        add_locked(&state.counters[UNNAMED]);
    }
    hf_critical_exit(was);
}

static bool is_portable(uintptr_t address)
{
    for (uint32_t i = 0; i < state.config.portable_count; i++) {
        if (address >= state.config.portable[i].from && address < state.config.portable[i].to) {
            return true;
        }
    }
    return false;
}

/// Gives this context a place. False when it has one: the call is made within another.
static bool go_in(hf_wrap_call_t *call, hf_atomic_u32_t *counter)
{
    const uintptr_t context =
        state.config.context != NULL ? state.config.context(state.config.ctx) : 0;
    within_t *found = NULL;
    call->place = HF_SEAL_CONTEXTS_MAX;
    uint32_t was = hf_critical_enter();
    for (uint32_t i = 0; i < HF_SEAL_CONTEXTS_MAX; i++) {
        if (!state.within[i].is_used) {
            call->place = i;
        } else if (state.within[i].context == context) {
            found = &state.within[i];
        }
    }
    if (found != NULL) {
        if (found->is_reporting) {
            add_locked(&state.counters[IN_REPORT]);
        }
    } else {
        add_locked(counter);
        if (call->place < HF_SEAL_CONTEXTS_MAX) {
            state.within[call->place] = (within_t){.context = context, .is_used = true};
        }
    }
    hf_critical_exit(was);
    return found == NULL;
}

/// Between `true` and `false` an allocation of this context is one of the report.
static void set_reporting(const hf_wrap_call_t *call, bool is_reporting)
{
    uint32_t was = hf_critical_enter();
    state.within[call->place].is_reporting = is_reporting;
    hf_critical_exit(was);
}

static void go_out(const hf_wrap_call_t *call)
{
    if (call->place < HF_SEAL_CONTEXTS_MAX) {
        uint32_t was = hf_critical_enter();
        state.within[call->place].is_used = false;
        hf_critical_exit(was);
    }
}

/// The end of an image whose portable code allocates.
static void trip(const hf_wrap_call_t *call)
{
    count(&state.counters[PORTABLE]);
    if (call->place < HF_SEAL_CONTEXTS_MAX) {
        set_reporting(call, true);
        if (state.config.trip != NULL) {
            state.config.trip(state.config.ctx, &call->seen);
        }
    }
    hf_port_assert_failed(__FILE__, __LINE__);
}

bool hf_wrap_begin(hf_wrap_call_t *call, hf_wrap_function_t function, size_t bytes,
                   uintptr_t caller)
{
    if (atomic_load_explicit(&state.is_sealed, memory_order_acquire) == 0 ||
        !go_in(call, &state.counters[functions[function].counter])) {
        return false;
    }
    call->function = function;
    call->seen =
        (hf_seal_call_t){.function = functions[function].name, .caller = caller, .bytes = bytes};
    if (function != HF_WRAP_FREE) {
        name(caller);
        if (is_portable(caller)) {
            trip(call);
        }
    }
    return true;
}

/// Without a place among the contexts a report could not be told from its own calls: then there is none.
static void report(const hf_wrap_call_t *call)
{
    if (state.config.report == NULL || call->function == HF_WRAP_FREE ||
        call->place == HF_SEAL_CONTEXTS_MAX) {
        return;
    }
    set_reporting(call, true);
    state.config.report(state.config.ctx, &call->seen);
    set_reporting(call, false);
}

void *hf_wrap_end(hf_wrap_call_t *call, void *block)
{
    call->seen.block = block;
    if (block == NULL && call->seen.bytes != 0) {
        count(&state.counters[FAILED]);
    }
    report(call);
    go_out(call);
    return block;
}

void *hf_wrap_end_overflow(hf_wrap_call_t *call)
{
    call->seen.bytes = SIZE_MAX;
    count(&state.counters[OVERFLOWS]);
    return hf_wrap_end(call, NULL);
}

bool hf_wrap_overflows(size_t a, size_t b, size_t *bytes)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return true;
    }
    *bytes = a * b;
    return false;
}
