// SPDX-License-Identifier: MIT
// Start-up of an ARMv6-M or ARMv7-M image on MPS2/AN386: vectors, initial data, floating point, the board's timers.
// Owns SysTick (the interrupt of the tests) and timer 0 of the board (counts instructions; 32 bits, nobody reloads it).
#include "qemu_image.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR          REGISTER(0xE000E010u)
#define SYST_RVR          REGISTER(0xE000E014u)
#define SYST_CVR          REGISTER(0xE000E018u)
#define CPACR             REGISTER(0xE000ED88u)
#define TIMER0            0x40000000u
#define TIMER0_CTRL       REGISTER(TIMER0)
#define TIMER0_VALUE      REGISTER(TIMER0 + 4u)
#define TIMER0_RELOAD     REGISTER(TIMER0 + 8u)

// 25 MHz timers, 1,024 ns per instruction: 25.6 = 128/5 ticks each.
#define TICKS_NUMERATOR   128u
#define TICKS_DENOMINATOR 5u

extern uint32_t image_data_start[], image_data_end[], image_data_load[];
extern uint32_t image_bss_start[], image_bss_end[], image_stack_top[];

static uint32_t (*on_tick)(void);

static void systick_arm(uint32_t instructions)
{
    SYST_RVR = instructions * TICKS_NUMERATOR / TICKS_DENOMINATOR;
    SYST_CVR = 0;
    SYST_CSR = 7; // processor clock, interrupt, on
}

void systick_handler(void);
void systick_handler(void)
{
    SYST_CSR = 0;
    uint32_t next = on_tick();
    if (next != 0) {
        systick_arm(next);
    }
}

void qemu_tick_start(uint32_t (*tick)(void), uint32_t instructions)
{
    on_tick = tick;
    systick_arm(instructions);
}

uint32_t qemu_instructions(void)
{
    return (uint32_t)((uint64_t)(0u - TIMER0_VALUE) * TICKS_DENOMINATOR / TICKS_NUMERATOR);
}

static uintptr_t result;

uintptr_t qemu_result(void)
{
    return result;
}

/// Ticks of timer 0 from before the call to after the return; the call's result in *out. In assembly, so that what is
/// counted beside the call does not depend on the compiler.
uint32_t image_time_call(uintptr_t (*call)(uintptr_t, uintptr_t, uintptr_t),
                         const uintptr_t argument[3], uintptr_t *out);
__asm__(".syntax unified\n"
        ".text\n"
        ".balign 4\n"
        ".global image_time_call\n"
        ".thumb_func\n"
        ".type image_time_call, %function\n"
        "image_time_call:\n"
        "    push {r4, r5, r6, r7, lr}\n"
        "    mov r6, r0\n"
        "    mov r7, r2\n"
        "    ldr r4, =0x40000004\n"
        "    mov r3, r1\n"
        "    ldr r0, [r3]\n"
        "    ldr r1, [r3, #4]\n"
        "    ldr r2, [r3, #8]\n"
        "    ldr r5, [r4]\n"
        "    blx r6\n"
        "    ldr r4, [r4]\n"
        "    str r0, [r7]\n"
        "    subs r0, r5, r4\n"
        "    pop {r4, r5, r6, r7, pc}\n"
        "    .ltorg\n"
        "    .size image_time_call, . - image_time_call\n");

static __attribute__((naked)) uintptr_t nothing(uintptr_t a, uintptr_t b, uintptr_t c)
{
    __asm__("bx lr"); // with the call two instructions, whatever the compiler
    (void)a;
    (void)b;
    (void)c;
}

static uint32_t instructions_of(uint32_t ticks)
{
    return (ticks * TICKS_DENOMINATOR + TICKS_NUMERATOR / 2u) / TICKS_NUMERATOR;
}

uint32_t qemu_count_call(uintptr_t (*call)(uintptr_t a, uintptr_t b, uintptr_t c), uintptr_t a,
                         uintptr_t b, uintptr_t c)
{
    const uintptr_t argument[3] = {a, b, c};
    uintptr_t unused;
    uint32_t overhead = image_time_call(nothing, argument, &unused);
    uint32_t whole = image_time_call(call, argument, &result);
    return instructions_of(whole) - instructions_of(overhead) + 2u;
}

void reset_handler(void);
_Noreturn static void start(void)
{
#if defined(__ARM_FP)
    CPACR |= 0xFu << 20; // before the first instruction that uses it
#endif
    for (uint32_t *to = image_data_start, *from = image_data_load; to < image_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = image_bss_start; to < image_bss_end;) {
        *to++ = 0;
    }
    TIMER0_RELOAD = UINT32_MAX;
    TIMER0_VALUE = UINT32_MAX;
    TIMER0_CTRL = 1;
    qemu_main();
}

void reset_handler(void)
{
    start();
}

typedef union vector {
    const uint32_t *stack;
    void (*handler)(void);
} vector_t;

static void fault_handler(void)
{
    qemu_fault();
}

static const vector_t vectors[16] __attribute__((used, section(".vectors"))) = {
    {.stack = image_stack_top}, {.handler = reset_handler},
    {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = NULL},
    {.handler = NULL},          {.handler = NULL},
    {.handler = NULL},          {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = NULL},
    {.handler = fault_handler}, {.handler = systick_handler},
};
