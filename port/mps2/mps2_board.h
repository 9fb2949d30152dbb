// SPDX-License-Identifier: MIT
// What a firmware image has of its board: the clock, the control tick's interrupt, LEDs, watchdog, stack, the way out.
// One core. Interrupts, most urgent first: NMI (watchdog), UARTs, control tick; main() is below all of them.
//
// Why UARTs above the control tick: a UART holds one byte, and a tick lasts longer than a byte does, so the other way
// round every tick would lose bytes. A handler is some 60 instructions without a loop and comes at most once a byte and
// direction, so what the tick can lose to it is bounded by the wire, not by what is sent.
#ifndef MPS2_BOARD_H
#define MPS2_BOARD_H

#include "holdfast/hf_status.h"

#define MPS2_PRIORITY_UART 0x40u
#define MPS2_PRIORITY_TICK 0x80u

/// Starts the free-running clock as if its counter stood at `first` (UINT32_MAX but in a test of the wrap).
/// hf_port_now_us() is right in every context as long as somebody calls it every 171 s: the tick does.
void mps2_clock_start(uint32_t first);

/// Calls `tick` from the timer's interrupt every `period_us` from now on.
void mps2_tick_start(void (*tick)(void), uint32_t period_us);
void mps2_leds(uint32_t bits);
/// Sleeps until an interrupt has come (or came since the last sleep began).
void mps2_sleep(void);

/// Not fed for so long: NMI, which ends the image with both stop paths commanded. [SAF-13]
void mps2_watchdog_start(uint32_t period_us);
void mps2_watchdog_feed(void);

typedef struct mps2_last_words {
    uint32_t exception, pc;
    const char *assertion; // its file; NULL: it was an exception
    int line;
} mps2_last_words_t;

/// Called once, with interrupts off, by an exception nobody expects, by the watchdog and by a failed assertion: commands
/// both stop paths with polled writes. It must not return an open contactor to anybody's care.
/// Then `last_words` (NULL: none), which may reset the board; when it returns, the image ends.
void mps2_on_fault(void (*make_safe)(void), void (*last_words)(const mps2_last_words_t *words));

/// Bytes of stack that exist, and most that were ever in use.
uint32_t mps2_stack_bytes(void);
uint32_t mps2_stack_peak(void);

/// No generator of random numbers is on this board: a xorshift of the clock and a build constant. For WebSocket masks on
/// a desk; a product needs its processor's generator.
void mps2_random(void *ctx, void *data, size_t length);

/// A line to the debugger (semihosting); QEMU prints it on stderr. Blocks: not while power is up.
void mps2_say(const char *text);
/// Ends QEMU with this status.
_Noreturn void mps2_exit(int status);
/// Resets the board; the journal's memory stays.
_Noreturn void mps2_reset(void);

#endif
