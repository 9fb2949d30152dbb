// SPDX-License-Identifier: MIT
// Registers of the MPS2 board with AN386 (a Cortex-M4 and CMSDK peripherals), as Arm's application note 386 and the CMSDK
// manual name them; only those that port/mps2 uses. Private to this port.
#ifndef MPS2_REGISTERS_H
#define MPS2_REGISTERS_H

#include <stdint.h>

#define MPS2_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define MPS2_CLOCK_HZ          25000000u

// ---- the core ----
#define NVIC_ISER0 MPS2_REGISTER(0xE000E100u)
#define NVIC_ICER0 MPS2_REGISTER(0xE000E180u)
#define NVIC_IPR   ((volatile uint8_t *)0xE000E400u)
#define SCB_VTOR   MPS2_REGISTER(0xE000ED08u)
#define SCB_AIRCR  MPS2_REGISTER(0xE000ED0Cu)
#define SCB_SHCSR  MPS2_REGISTER(0xE000ED24u)
#define SCB_CFSR   MPS2_REGISTER(0xE000ED28u)
#define SCB_CPACR  MPS2_REGISTER(0xE000ED88u)
#define MPU_CTRL   MPS2_REGISTER(0xE000ED94u)
#define MPU_RNR    MPS2_REGISTER(0xE000ED98u)
#define MPU_RBAR   MPS2_REGISTER(0xE000ED9Cu)
#define MPU_RASR   MPS2_REGISTER(0xE000EDA0u)

// ---- CMSDK timers: count down at 25 MHz ----
#define TIMER0          0x40000000u
#define TIMER1          0x40001000u
#define TIMER_CTRL(n)   MPS2_REGISTER((n) + 0x0u)
#define TIMER_VALUE(n)  MPS2_REGISTER((n) + 0x4u)
#define TIMER_RELOAD(n) MPS2_REGISTER((n) + 0x8u)
#define TIMER_CLEAR(n)  MPS2_REGISTER((n) + 0xCu)
#define TIMER_ENABLE    1u
#define TIMER_INTERRUPT 8u

// ---- CMSDK UART: one byte each way, no FIFO ----
#define UART_DATA(base)    MPS2_REGISTER((base) + 0x0u)
#define UART_STATE(base)   MPS2_REGISTER((base) + 0x4u)
#define UART_CTRL(base)    MPS2_REGISTER((base) + 0x8u)
#define UART_CLEAR(base)   MPS2_REGISTER((base) + 0xCu)
#define UART_BAUDDIV(base) MPS2_REGISTER((base) + 0x10u)
#define UART_TX_FULL       1u // of STATE
#define UART_RX_FULL       2u
#define UART_RX_OVERRUN    8u
#define UART_TX_ENABLE     0x01u // of CTRL
#define UART_RX_ENABLE     0x02u
#define UART_TX_INTERRUPT  0x04u
#define UART_RX_INTERRUPT  0x08u
#define UART_TX_PENDING    1u // of CLEAR
#define UART_RX_PENDING    2u

// ---- CMSDK watchdog: an interrupt (NMI) at 0, a reset at the next 0 ----
#define WATCHDOG_LOAD       MPS2_REGISTER(0x40008000u)
#define WATCHDOG_CONTROL    MPS2_REGISTER(0x40008008u)
#define WATCHDOG_CLEAR      MPS2_REGISTER(0x4000800Cu)
#define WATCHDOG_LOCK       MPS2_REGISTER(0x40008C00u)
#define WATCHDOG_KEY        0x1ACCE551u
#define WATCHDOG_INTERRUPTS 1u
#define WATCHDOG_RESETS     2u

// ---- FPGA I/O: the two user LEDs ----
#define FPGAIO_LEDS MPS2_REGISTER(0x40028000u)

#define IRQ_TIMER0 8u
#define IRQ_COUNT  32u

#endif
