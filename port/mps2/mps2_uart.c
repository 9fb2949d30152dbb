// SPDX-License-Identifier: MIT
// The UARTs of the board. Owns their registers. Rings: head and tail count bytes modulo 2^32. The order "clear the
// interrupt, then touch the data" matters: what happens in between raises it again and is not lost.
#include "mps2_uart.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_critical.h"
#include "mps2_board.h"
#include "mps2_registers.h"

#define RING_MIN        64u
#define RING_MAX        32768u
#define BAUDDIV_MIN     16u
#define EMERGENCY_SPINS 200000u // some 100 ms for a byte that lasts 1 ms at most

static const struct {
    uint32_t base;
    uint8_t receive_irq; // the send interrupt is the next
} places[MPS2_UARTS] = {
    {0x40004000u, 0}, {0x40005000u, 2}, {0x40006000u, 4}, {0x40007000u, 18}, {0x40009000u, 20}};

static mps2_uart_t *opened[MPS2_UARTS];

static uint32_t used(const mps2_bytes_t *bytes)
{
    return atomic_load_explicit(&bytes->head, memory_order_acquire) -
           atomic_load_explicit(&bytes->tail, memory_order_acquire);
}

static bool is_full(const mps2_bytes_t *bytes)
{
    return used(bytes) > bytes->mask;
}

static void put(mps2_bytes_t *bytes, uint8_t byte)
{
    uint32_t head = atomic_load_explicit(&bytes->head, memory_order_relaxed);
    bytes->storage[head & bytes->mask] = byte;
    atomic_store_explicit(&bytes->head, head + 1u, memory_order_release);
}

static uint8_t get(mps2_bytes_t *bytes)
{
    uint32_t tail = atomic_load_explicit(&bytes->tail, memory_order_relaxed);
    uint8_t byte = bytes->storage[tail & bytes->mask];
    atomic_store_explicit(&bytes->tail, tail + 1u, memory_order_release);
    return byte;
}

static bool init_ring(mps2_bytes_t *bytes, uint8_t *storage, uint32_t size)
{
    *bytes = (mps2_bytes_t){.storage = storage, .mask = size - 1u};
    return storage != NULL && size >= RING_MIN && size <= RING_MAX && (size & (size - 1u)) == 0;
}

static void enable_interrupt(unsigned irq)
{
    NVIC_IPR[irq] = MPS2_PRIORITY_UART;
    NVIC_ISER0 = 1u << irq;
}

int mps2_uart_open(mps2_uart_t *uart, const mps2_uart_config_t *config)
{
    if (config->number >= MPS2_UARTS || opened[config->number] != NULL ||
        !init_ring(&uart->in, config->receive, config->receive_bytes) ||
        !init_ring(&uart->out, config->send, config->send_bytes)) {
        return HF_E_ARGUMENT;
    }
    if (config->baud == 0 || MPS2_CLOCK_HZ / config->baud < BAUDDIV_MIN) {
        return HF_E_RANGE;
    }
    uart->base = places[config->number].base;
    uart->refused = uart->peak_in = 0;
    atomic_init(&uart->held, 0u);
    atomic_init(&uart->sending, 0u);
    atomic_init(&uart->overruns, 0u);
    opened[config->number] = uart;
    UART_BAUDDIV(uart->base) = (MPS2_CLOCK_HZ + config->baud / 2u) / config->baud;
    UART_CLEAR(uart->base) = UART_TX_PENDING | UART_RX_PENDING;
    UART_STATE(uart->base) = UART_RX_OVERRUN;
    UART_CTRL(uart->base) = UART_TX_ENABLE | UART_RX_ENABLE | UART_TX_INTERRUPT | UART_RX_INTERRUPT;
    enable_interrupt(places[config->number].receive_irq);
    enable_interrupt(places[config->number].receive_irq + 1u);
    return HF_OK;
}

/// Moves the UART's byte into the ring, or holds it. Interrupts of this UART are off.
static void receive(mps2_uart_t *uart)
{
    uint32_t state = UART_STATE(uart->base);
    if ((state & UART_RX_OVERRUN) != 0) {
        UART_STATE(uart->base) = UART_RX_OVERRUN;
        atomic_fetch_add_explicit(&uart->overruns, 1u, memory_order_relaxed);
    }
    if ((state & UART_RX_FULL) == 0) {
        return;
    }
    if (is_full(&uart->in)) {
        atomic_store_explicit(&uart->held, 1u, memory_order_release);
        return;
    }
    put(&uart->in, (uint8_t)UART_DATA(uart->base));
}

void mps2_uart_on_receive(unsigned number)
{
    mps2_uart_t *uart = opened[number];
    UART_CLEAR(uart->base) = UART_RX_PENDING;
    receive(uart);
}

void mps2_uart_on_send(unsigned number)
{
    mps2_uart_t *uart = opened[number];
    UART_CLEAR(uart->base) = UART_TX_PENDING;
    if (used(&uart->out) != 0) {
        UART_DATA(uart->base) = get(&uart->out);
    } else {
        atomic_store_explicit(&uart->sending, 0u, memory_order_relaxed);
    }
}

size_t mps2_uart_waiting(const mps2_uart_t *uart)
{
    return used(&uart->in);
}

size_t mps2_uart_read(mps2_uart_t *uart, void *data, size_t capacity)
{
    uint8_t *to = data;
    size_t length = 0;
    uint32_t waiting = used(&uart->in);
    uart->peak_in = waiting > uart->peak_in ? waiting : uart->peak_in;
    while (length < capacity && used(&uart->in) != 0) {
        to[length++] = get(&uart->in);
    }
    if (length > 0 && atomic_load_explicit(&uart->held, memory_order_acquire) != 0) {
        uint32_t was = hf_critical_enter();
        atomic_store_explicit(&uart->held, 0u, memory_order_relaxed);
        receive(uart); // no interrupt will come for the byte that was held
        hf_critical_exit(was);
    }
    return length;
}

void mps2_uart_clear(mps2_uart_t *uart)
{
    uint8_t byte;
    while (mps2_uart_read(uart, &byte, 1) != 0) {
    }
}

size_t mps2_uart_room(const mps2_uart_t *uart)
{
    return uart->out.mask + 1u - used(&uart->out);
}

static void kick(mps2_uart_t *uart)
{
    uint32_t was = hf_critical_enter();
    if (atomic_load_explicit(&uart->sending, memory_order_relaxed) == 0 && used(&uart->out) != 0) {
        atomic_store_explicit(&uart->sending, 1u, memory_order_relaxed);
        UART_DATA(uart->base) = get(&uart->out);
    }
    hf_critical_exit(was);
}

size_t mps2_uart_write(mps2_uart_t *uart, const void *data, size_t length)
{
    const uint8_t *from = data;
    size_t room = mps2_uart_room(uart);
    size_t count = length < room ? length : room;
    for (size_t i = 0; i < count; i++) {
        put(&uart->out, from[i]);
    }
    kick(uart);
    return count;
}

int mps2_uart_put(mps2_uart_t *uart, const void *data, size_t length)
{
    if (mps2_uart_room(uart) < length) {
        uart->refused += (uint32_t)length;
        return HF_E_AGAIN;
    }
    return mps2_uart_write(uart, data, length) == length ? HF_OK : HF_E_IO;
}

uint32_t mps2_uart_overruns(const mps2_uart_t *uart)
{
    return atomic_load_explicit(&uart->overruns, memory_order_relaxed);
}

void mps2_uart_drain(const mps2_uart_t *uart, uint64_t limit_us)
{
    uint64_t until_us = hf_port_now_us() + limit_us;
    while (used(&uart->out) != 0 && hf_port_now_us() < until_us) {
    }
}

void mps2_uart_emergency(unsigned number, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint32_t base = places[number].base;
    uint32_t spins = EMERGENCY_SPINS;
    UART_CTRL(base) = UART_TX_ENABLE | UART_RX_ENABLE;
    for (size_t i = 0; i < length; i++) {
        while ((UART_STATE(base) & UART_TX_FULL) != 0 && spins > 0) {
            spins--; // a dead UART must not keep the others from being told
        }
        UART_DATA(base) = bytes[i];
    }
}
