// SPDX-License-Identifier: MIT
// QEMU's arm virt board, 64 bit: memory attributes, interrupt controller (GICv2) and the virtual timer.
// Owns the virtual timer interrupt. CNTVCT runs at 62.5 MHz: 64 ticks per instruction of 1,024 ns.
#include "qemu_image.h"

#define REGISTER(address)     (*(volatile uint32_t *)(uintptr_t)(address))
#define GICD_CTLR             REGISTER(0x08000000u)
#define GICD_ISENABLER0       REGISTER(0x08000100u)
#define GICC_CTLR             REGISTER(0x08010000u)
#define GICC_PMR              REGISTER(0x08010004u)
#define GICC_IAR              REGISTER(0x0801000Cu)
#define GICC_EOIR             REGISTER(0x08010010u)
#define VIRTUAL_TIMER         27u
#define TICKS_PER_INSTRUCTION 64u

static uint32_t (*on_tick)(void);
static uintptr_t result;

// Exclusive accesses are only promised on normal memory, so the map is turned on: 1 GiB of devices, 1 GiB of RAM.
void image_memory_on(void);
void image_memory_on(void)
{
    static uint64_t table[512] __attribute__((aligned(4096)));
    table[0] = 0x00000000u | 0x401u;               // block, attribute 0, accessed
    table[1] = 0x40000000u | 0x401u | 4u | 0x300u; // block, attribute 1, accessed, inner shareable
    uint64_t tcr =
        25u | 1u << 8 | 1u << 10 | 3u << 12 | 1u << 23; // 39 bits, write-back, no upper half
    uint64_t control;
    __asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\tisb"
                     :
                     : "r"((uint64_t)0xFF00u), "r"(tcr), "r"((uint64_t)(uintptr_t)table)
                     : "memory");
    __asm__ volatile("mrs %0, sctlr_el1" : "=r"(control));
    control |= 1u | 1u << 2 | 1u << 12; // map, data cache, instruction cache
    __asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tmsr sctlr_el1, %0\n\tisb"
                     :
                     : "r"(control)
                     : "memory");
}

static void arm(uint32_t instructions)
{
    __asm__ volatile("msr cntv_tval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb"
                     :
                     : "r"((uint64_t)instructions * TICKS_PER_INSTRUCTION), "r"((uint64_t)1)
                     : "memory");
}

void image_interrupt_handler(void);
void image_interrupt_handler(void)
{
    uint32_t id = GICC_IAR;
    if (id != VIRTUAL_TIMER) {
        qemu_fault();
    }
    __asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb" : : : "memory");
    uint32_t next = on_tick();
    if (next != 0) {
        arm(next);
    }
    GICC_EOIR = id;
}

void qemu_tick_start(uint32_t (*tick)(void), uint32_t instructions)
{
    on_tick = tick;
    GICD_CTLR = 1;
    GICD_ISENABLER0 = 1u << VIRTUAL_TIMER;
    GICC_PMR = 0xFF;
    GICC_CTLR = 1;
    arm(instructions);
    __asm__ volatile("msr daifclr, #2" : : : "memory");
}

uint32_t qemu_instructions(void)
{
    uint64_t now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return (uint32_t)(now / TICKS_PER_INSTRUCTION) & 0xFFFFFFu;
}

uintptr_t qemu_result(void)
{
    return result;
}

uint64_t image_time_call(uintptr_t (*call)(uintptr_t, uintptr_t, uintptr_t),
                         const uintptr_t argument[3], uintptr_t *out);
uintptr_t image_nothing(uintptr_t a, uintptr_t b, uintptr_t c);

uint32_t qemu_count_call(uintptr_t (*call)(uintptr_t a, uintptr_t b, uintptr_t c), uintptr_t a,
                         uintptr_t b, uintptr_t c)
{
    const uintptr_t argument[3] = {a, b, c};
    uintptr_t unused;
    uint64_t overhead = image_time_call(image_nothing, argument, &unused);
    uint64_t whole = image_time_call(call, argument, &result);
    return (uint32_t)((whole - overhead) / TICKS_PER_INSTRUCTION) + 2u;
}

uint32_t hf_port_critical_enter(void);
uint32_t hf_port_critical_enter(void)
{
    uint64_t daif;
    __asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(daif) : : "memory");
    return (uint32_t)daif;
}

void hf_port_critical_exit(uint32_t was);
void hf_port_critical_exit(uint32_t was)
{
    __asm__ volatile("msr daif, %0" : : "r"((uint64_t)was) : "memory");
}
