// SPDX-License-Identifier: MIT
// QEMU's riscv virt board: the timer of the core-local interruptor and the counter of retired instructions.
// Owns the machine timer interrupt. The counter of this QEMU counts nanoseconds of -icount: 1,024 per instruction.
#include "qemu_image.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define MTIMECMP_LOW      REGISTER(0x02004000u)
#define MTIMECMP_HIGH     REGISTER(0x02004004u)
#define MTIME_LOW         REGISTER(0x0200BFF8u)
#define MTIME_HIGH        REGISTER(0x0200BFFCu)
#define MACHINE_TIMER     0x80000007u
#define SHIFT             10u

static uint32_t (*on_tick)(void);
static uintptr_t result;

static void arm(uint32_t instructions)
{
    // 10 MHz: 10.24 ticks per instruction
    uint64_t when = ((uint64_t)MTIME_HIGH << 32 | MTIME_LOW) + instructions * 1024u / 100u;
    MTIMECMP_HIGH = UINT32_MAX;
    MTIMECMP_LOW = (uint32_t)when;
    MTIMECMP_HIGH = (uint32_t)(when >> 32);
}

void image_trap_handler(uint32_t cause);
void image_trap_handler(uint32_t cause)
{
    if (cause != MACHINE_TIMER) {
        qemu_fault();
    }
    MTIMECMP_HIGH = UINT32_MAX;
    uint32_t next = on_tick();
    if (next != 0) {
        arm(next);
    }
}

void qemu_tick_start(uint32_t (*tick)(void), uint32_t instructions)
{
    on_tick = tick;
    arm(instructions);
    __asm__ volatile("csrs mie, %0\n\tcsrsi mstatus, 8" : : "r"(0x80u) : "memory");
}

uint32_t qemu_instructions(void)
{
    uint32_t low, high, again;
    do {
        __asm__ volatile("csrr %0, minstreth\n\tcsrr %1, minstret\n\tcsrr %2, minstreth"
                         : "=r"(high), "=r"(low), "=r"(again));
    } while (high != again);
    return (high << (32u - SHIFT) | low >> SHIFT) & 0xFFFFFFu;
}

uintptr_t qemu_result(void)
{
    return result;
}

uint32_t image_time_call(uintptr_t (*call)(uintptr_t, uintptr_t, uintptr_t),
                         const uintptr_t argument[3], uintptr_t *out);
uintptr_t image_nothing(uintptr_t a, uintptr_t b, uintptr_t c);

uint32_t qemu_count_call(uintptr_t (*call)(uintptr_t a, uintptr_t b, uintptr_t c), uintptr_t a,
                         uintptr_t b, uintptr_t c)
{
    const uintptr_t argument[3] = {a, b, c};
    uintptr_t unused;
    uint32_t overhead = image_time_call(image_nothing, argument, &unused);
    return ((image_time_call(call, argument, &result) - overhead) >> SHIFT) + 2u;
}
