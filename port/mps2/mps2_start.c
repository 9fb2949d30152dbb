// SPDX-License-Identifier: MIT
// Start-up of a firmware image on MPS2/AN386: vectors, initial data, floating point, a painted stack with a guard below
// it, faults. Invariant: an exception nobody expects runs on a fresh stack, whatever became of the old one.
#include "mps2_start.h"
#include "mps2_board.h"
#include "mps2_registers.h"
#include "mps2_uart.h"

#define PAINT              0x5AFE57ACu
#define GUARD_BYTES        32u
#define SHCSR_MEMORY_FAULT 0x00010000u
#define MPU_ENABLE         5u // on, with the default map behind it for privileged code
#define RASR_NO_ACCESS_32  ((4u << 1) | 1u | (1u << 28))

extern uint32_t firmware_data_start[], firmware_data_end[], firmware_data_load[];
extern uint32_t firmware_bss_start[], firmware_bss_end[];
extern uint32_t firmware_stack_limit[], firmware_stack_top[];

int main(void);
void reset_handler(void);

// The lowest bytes of the stack may not be touched: an overflow is a fault, not a broken neighbour.
static void guard_stack(void)
{
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)(uintptr_t)firmware_stack_limit;
    MPU_RASR = RASR_NO_ACCESS_32;
    SCB_SHCSR |= SHCSR_MEMORY_FAULT;
    MPU_CTRL = MPU_ENABLE;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

__attribute__((noinline, used)) static void start(void)
{
    SCB_CPACR |= 0xFu << 20; // before the first instruction that uses floating point
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    for (uint32_t *to = firmware_data_start, *from = firmware_data_load; to < firmware_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = firmware_bss_start; to < firmware_bss_end;) {
        *to++ = 0;
    }
    guard_stack();
    mps2_clock_start(UINT32_MAX);
    mps2_exit(main());
}

// In assembly: nothing of a compiled function's frame may lie where it paints.
__attribute__((naked)) void reset_handler(void)
{
    __asm__ volatile("ldr r0, =firmware_stack_limit\n\t"
                     "ldr r1, =firmware_stack_top\n\t"
                     "mov sp, r1\n\t"
                     "ldr r2, =0x5AFE57AC\n"
                     "1:\n\t"
                     "cmp r0, r1\n\t"
                     "itt lo\n\t"
                     "strlo r2, [r0], #4\n\t"
                     "blo 1b\n\t"
                     "b start\n\t"
                     ".ltorg");
}

uint32_t mps2_stack_bytes(void)
{
    return (uint32_t)(firmware_stack_top - firmware_stack_limit) * 4u - GUARD_BYTES;
}

uint32_t mps2_stack_peak(void)
{
    const uint32_t *word = firmware_stack_limit + GUARD_BYTES / 4u;
    while (word < firmware_stack_top && *word == PAINT) {
        word++;
    }
    return (uint32_t)(firmware_stack_top - word) * 4u;
}

// The frame an exception leaves holds the pc at word 6, unless there was no room for a frame at all.
__attribute__((used)) static void fault(const uint32_t *frame, uint32_t exception)
{
    uint32_t pc = frame >= firmware_stack_limit + GUARD_BYTES / 4u && frame + 7 < firmware_stack_top
                      ? frame[6]
                      : 0u;
    mps2_start_on_fault(exception, pc);
}

__attribute__((naked)) static void fault_handler(void)
{
    __asm__ volatile("cpsid i\n\t"
                     "mov r0, sp\n\t"
                     "mrs r1, ipsr\n\t"
                     "ldr r2, =firmware_stack_top\n\t"
                     "mov sp, r2\n\t"
                     "b fault\n\t"
                     ".ltorg");
}

#define UART_HANDLERS(number)                                                                      \
    static void uart##number##_receive_handler(void)                                               \
    {                                                                                              \
        mps2_uart_on_receive(number);                                                              \
    }                                                                                              \
    static void uart##number##_send_handler(void)                                                  \
    {                                                                                              \
        mps2_uart_on_send(number);                                                                 \
    }
UART_HANDLERS(0)
UART_HANDLERS(1)
UART_HANDLERS(2)
UART_HANDLERS(3)
UART_HANDLERS(4)

typedef union vector {
    const uint32_t *stack;
    void (*handler)(void);
} vector_t;

#define EXCEPTIONS 16u

static const vector_t vectors[EXCEPTIONS + IRQ_COUNT] __attribute__((used, section(".vectors"))) = {
    [0] = {.stack = firmware_stack_top},
    [1] = {.handler = reset_handler},
    [2] = {.handler = fault_handler}, // NMI: the watchdog
    [3] = {.handler = fault_handler},
    [4] = {.handler = fault_handler},
    [5] = {.handler = fault_handler},
    [6] = {.handler = fault_handler},
    [11] = {.handler = fault_handler},
    [12] = {.handler = fault_handler},
    [14] = {.handler = fault_handler},
    [15] = {.handler = fault_handler},
    [EXCEPTIONS + 0] = {.handler = uart0_receive_handler},
    [EXCEPTIONS + 1] = {.handler = uart0_send_handler},
    [EXCEPTIONS + 2] = {.handler = uart1_receive_handler},
    [EXCEPTIONS + 3] = {.handler = uart1_send_handler},
    [EXCEPTIONS + 4] = {.handler = uart2_receive_handler},
    [EXCEPTIONS + 5] = {.handler = uart2_send_handler},
    [EXCEPTIONS + IRQ_TIMER0] = {.handler = mps2_start_on_timer},
    [EXCEPTIONS + 18] = {.handler = uart3_receive_handler},
    [EXCEPTIONS + 19] = {.handler = uart3_send_handler},
    [EXCEPTIONS + 20] = {.handler = uart4_receive_handler},
    [EXCEPTIONS + 21] = {.handler = uart4_send_handler},
};
