// SPDX-License-Identifier: MIT
// The link-time seams: clock, assertion, and random bytes. Owns the one time base of the system.
#include "template_port.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_pool.h"

#include <stdatomic.h>

// Two halves, since a 64-bit store is not one instruction here. One core: the interrupt is never seen half done.
static _Atomic uint32_t low_ms, high_ms;

void template_tick_ms(void)
{
    if (atomic_fetch_add_explicit(&low_ms, 1u, memory_order_release) == UINT32_MAX) {
        atomic_fetch_add_explicit(&high_ms, 1u, memory_order_release);
    }
}

uint64_t hf_port_now_us(void)
{
    uint32_t high, low;
    do { // reads again when the low half wrapped in between
        high = atomic_load_explicit(&high_ms, memory_order_acquire);
        low = atomic_load_explicit(&low_ms, memory_order_acquire);
    } while (high != atomic_load_explicit(&high_ms, memory_order_acquire));
    return (((uint64_t)high << 32) | low) * HF_US_PER_MS;
}

#if CONFIG_HF_POOL_TIMING
uint32_t hf_port_cycles(void)
{
    return 0; // a board reads its cycle counter (Cortex-M4: DWT->CYCCNT)
}
#endif

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    // A board opens the contactor, records the place where a reset does not erase it, and lets the watchdog bite.
    (void)file;
    (void)line;
    for (;;) {
    }
}

void template_random(void *ctx, void *data, size_t length)
{
    // A counter is no secret: masks need a real generator before this meets a network.
    static uint8_t count;
    (void)ctx;
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)data)[i] = ++count;
    }
}

// Without an operating system there is one task, and a lock it finds taken is its own: waiting would not help. Under one,
// these are its mutex and its bounded wait (FreeRTOS: xSemaphoreTake with ticks; round a bound up, never to 0).
int hf_port_mutex_init(uint64_t *words)
{
    words[0] = 0;
    return HF_OK;
}

int hf_port_mutex_take(uint64_t *words, uint32_t bound_us)
{
    (void)bound_us;
    if (words[0] != 0) {
        return HF_E_TIMEOUT;
    }
    words[0] = 1;
    return HF_OK;
}

void hf_port_mutex_give(uint64_t *words)
{
    words[0] = 0;
}
