// SPDX-License-Identifier: MIT
// The board under an image: clock, tick, LEDs, watchdog, the way out. Owns timer 0 (control tick), timer 1 (clock), the
// watchdog, the LEDs. Invariant: the clock's state is read and written with interrupts off, for some ten instructions.
#include "mps2_board.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_critical.h"
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_pool.h"
#include "mps2_registers.h"
#include "mps2_start.h"

#define TICKS_PER_US      (MPS2_CLOCK_HZ / 1000000u)
#define SYS_WRITE0        0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT  0x20026u
#define AIRCR_RESET       0x05FA0004u
#define RANDOM_SEED       0x9E3779B9u // the build constant

// ---- clock ----

static struct {
    uint64_t ticks;
    uint32_t last;
} clock;

void mps2_clock_start(uint32_t first)
{
    TIMER_CTRL(TIMER1) = 0;
    TIMER_RELOAD(TIMER1) = UINT32_MAX;
    TIMER_VALUE(TIMER1) = first;
    clock.ticks = 0;
    clock.last = first;
    TIMER_CTRL(TIMER1) = TIMER_ENABLE;
}

uint64_t hf_port_now_us(void)
{
    uint32_t was = hf_critical_enter();
    uint32_t value = TIMER_VALUE(TIMER1);
    clock.ticks += clock.last - value; // counts down, modulo 2^32
    clock.last = value;
    uint64_t ticks = clock.ticks;
    hf_critical_exit(was);
    return ticks / TICKS_PER_US;
}

#if CONFIG_HF_POOL_TIMING
uint32_t hf_port_cycles(void)
{
    return 0u - TIMER_VALUE(TIMER1);
}
#endif

// ---- tick ----

static void (*on_tick)(void);

void mps2_tick_start(void (*tick)(void), uint32_t period_us)
{
    on_tick = tick;
    TIMER_CTRL(TIMER0) = 0;
    TIMER_RELOAD(TIMER0) = period_us * TICKS_PER_US - 1u;
    TIMER_VALUE(TIMER0) = period_us * TICKS_PER_US - 1u;
    TIMER_CLEAR(TIMER0) = 1;
    NVIC_IPR[IRQ_TIMER0] = MPS2_PRIORITY_TICK;
    NVIC_ISER0 = 1u << IRQ_TIMER0;
    TIMER_CTRL(TIMER0) = TIMER_ENABLE | TIMER_INTERRUPT;
}

void mps2_start_on_timer(void)
{
    TIMER_CLEAR(TIMER0) = 1;
    on_tick();
}

void mps2_leds(uint32_t bits)
{
    FPGAIO_LEDS = bits;
}

void mps2_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

// ---- watchdog ----

static uint32_t watchdog_load;

void mps2_watchdog_start(uint32_t period_us)
{
    watchdog_load = period_us * TICKS_PER_US;
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG_LOAD = watchdog_load;
    WATCHDOG_CONTROL = WATCHDOG_INTERRUPTS | WATCHDOG_RESETS;
    WATCHDOG_LOCK = 0;
}

void mps2_watchdog_feed(void)
{
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG_CLEAR = 1; // loads anew
    WATCHDOG_LOCK = 0;
}

// ---- the way out ----

static void (*safe)(void);
static void (*say_last)(const mps2_last_words_t *words);

void mps2_on_fault(void (*make_safe)(void), void (*last_words)(const mps2_last_words_t *words))
{
    safe = make_safe;
    say_last = last_words;
}

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void mps2_say(const char *text)
{
    semihost(SYS_WRITE0, text);
}

_Noreturn void mps2_exit(int status)
{
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        semihost(SYS_EXIT_EXTENDED, block);
    }
}

_Noreturn void mps2_reset(void)
{
    (void)hf_critical_enter();
    for (;;) {
        SCB_AIRCR = AIRCR_RESET;
    }
}

static void end_safely(const mps2_last_words_t *words)
{
    void (*make_safe)(void) = safe;
    void (*last_words)(const mps2_last_words_t *) = say_last;
    (void)hf_critical_enter();
    safe = 0; // a fault in there must not come back to it
    say_last = 0;
    mps2_leds(0);
    if (make_safe != 0) {
        make_safe();
    }
    if (last_words != 0) {
        last_words(words);
    }
}

_Noreturn void mps2_start_on_fault(uint32_t exception, uint32_t pc)
{
    static char text[] = "{\"event\":\"fault\",\"exception\":   ,\"pc\":\"0x        \"}\n";
    end_safely(&(mps2_last_words_t){.exception = exception, .pc = pc});
    char *number = text + sizeof "{\"event\":\"fault\",\"exception\":" + 1u;
    char *address = text + sizeof "{\"event\":\"fault\",\"exception\":   ,\"pc\":\"0x" - 1u;
    for (uint32_t rest = exception; rest != 0; rest /= 10u) {
        *number-- = (char)('0' + rest % 10u);
    }
    for (unsigned i = 0; i < 8u; i++) {
        address[i] = "0123456789abcdef"[pc >> (28u - 4u * i) & 0xFu];
    }
    mps2_say(text);
    mps2_exit(MPS2_EXIT_FAULT);
}

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    end_safely(&(mps2_last_words_t){.assertion = file, .line = line});
    mps2_say(file);
    mps2_say(": assertion failed\n");
    mps2_exit(MPS2_EXIT_ASSERTION);
}

// ---- random ----

void mps2_random(void *ctx, void *data, size_t length)
{
    static uint32_t state = RANDOM_SEED;
    uint8_t *bytes = data;
    (void)ctx;
    for (size_t i = 0; i < length; i++) {
        state ^= TIMER_VALUE(TIMER1);
        state = state == 0 ? RANDOM_SEED : state;
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (uint8_t)(state >> 24);
    }
}

// ---- locks ----

// main() is the only task, and no interrupt takes a lock: one that is taken stays taken while we wait.
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
