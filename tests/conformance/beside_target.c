// SPDX-License-Identifier: MIT
// On a target the timer interrupt runs beside main, each time after another number of instructions, so that in the long
// run it falls between any two of them.
#include "conformance.h"
#include "qemu_image.h"

#define STRETCH 400u // instructions between two interrupts at most

static struct {
    void (*step)(void);
    uint32_t random;
    hf_atomic_u32_t is_stopping, has_stopped;
} beside;

static uint32_t tick(void)
{
    if (atomic_load_explicit(&beside.is_stopping, memory_order_relaxed) != 0) {
        atomic_store_explicit(&beside.has_stopped, 1, memory_order_relaxed);
        return 0;
    }
    beside.step();
    return 40u + (conf_random(&beside.random) >> 9) % STRETCH;
}

bool conf_beside_start(void (*step)(void))
{
    beside.step = step;
    beside.random = 99;
    atomic_store_explicit(&beside.is_stopping, 0, memory_order_relaxed);
    atomic_store_explicit(&beside.has_stopped, 0, memory_order_relaxed);
    qemu_tick_start(tick, STRETCH);
    return true;
}

void conf_beside_stop(void)
{
    atomic_store_explicit(&beside.is_stopping, 1, memory_order_relaxed);
    while (atomic_load_explicit(&beside.has_stopped, memory_order_relaxed) == 0) {
    }
}
