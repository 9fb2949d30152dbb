// SPDX-License-Identifier: MIT
// The I/O line (mps2_io.h). A frame that fails is given up by its first byte alone: the next one may begin within it.
#include "mps2_io.h"

#include "holdfast/hf_clock.h"
#include "mps2_board.h"

#include <string.h>

#define MARK          0xA5u
#define POLYNOMIAL    0x07u
#define HEAD_BYTES    2u
#define LEVELS_BYTES  8u
#define TYPE_LEVELS   1u
#define TYPE_CARD     2u
#define CARD_HEAD     3u
#define READ_MOST     512u // bytes of one sample
#define LED_CONTACTOR 1u
#define LED_LOCK      2u

static uint8_t crc8(const uint8_t *bytes, uint32_t length)
{
    uint8_t crc = 0;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8u; bit++) {
            crc = (uint8_t)((unsigned)crc << 1 ^ ((crc & 0x80u) != 0 ? POLYNOMIAL : 0u));
        }
    }
    return crc;
}

int mps2_io_init(mps2_io_t *io, mps2_uart_t *uart)
{
    memset(io, 0, sizeof *io);
    io->uart = uart;
    return hf_queue_init(&io->cards, io->card_storage, sizeof(mps2_io_card_t), MPS2_IO_CARDS, 0);
}

// ---- what comes ----

static bool take_levels(mps2_io_t *io, const uint8_t *packet, uint32_t length, uint64_t now_us)
{
    if (length != LEVELS_BYTES || packet[1] != 0) {
        return false;
    }
    unsigned bits = packet[2] | (unsigned)packet[3] << 8;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        io->inputs.level[i] = (bits >> i & 1u) != 0;
        io->inputs.stamp_us[i] = now_us;
    }
    return true;
}

static bool take_card(mps2_io_t *io, const uint8_t *packet, uint32_t length)
{
    mps2_io_card_t card = {.connector = packet[1]};
    if (length <= CARD_HEAD || packet[1] != 0 || packet[2] != length - CARD_HEAD ||
        packet[2] >= MPS2_IO_TAG_BYTES || memchr(packet + CARD_HEAD, '\0', packet[2]) != NULL) {
        return false;
    }
    memcpy(card.id_tag, packet + CARD_HEAD, packet[2]);
    return hf_queue_put(&io->cards, &card) == HF_OK;
}

static bool take_packet(mps2_io_t *io, const uint8_t *packet, uint32_t length, uint64_t now_us)
{
    return (packet[0] == TYPE_LEVELS && take_levels(io, packet, length, now_us)) ||
           (packet[0] == TYPE_CARD && take_card(io, packet, length));
}

static void drop(mps2_io_t *io, uint32_t bytes)
{
    io->length -= bytes;
    memmove(io->frame, io->frame + bytes, io->length);
}

/// True when something was taken out of the frame under way, so that it has to be looked at once more.
static bool look(mps2_io_t *io, uint64_t now_us)
{
    if (io->length == 0) {
        return false;
    }
    if (io->frame[0] != MARK) {
        drop(io, 1); // between frames: noise, or what is left of one that failed
        return true;
    }
    if (io->length < HEAD_BYTES) {
        return false;
    }
    uint32_t length = io->frame[1];
    bool good = length > 0 && length <= MPS2_IO_PACKET_BYTES;
    if (good && io->length < length + HEAD_BYTES + 1u) {
        return false;
    }
    good = good && crc8(io->frame + 1, length + 1u) == io->frame[length + HEAD_BYTES] &&
           take_packet(io, io->frame + HEAD_BYTES, length, now_us);
    io->rx += good ? 1u : 0u;
    io->refused += good ? 0u : 1u;
    drop(io, good ? length + HEAD_BYTES + 1u : 1u);
    return true;
}

static void receive(mps2_io_t *io, uint64_t now_us)
{
    for (uint32_t i = 0; i < READ_MOST; i++) {
        if (mps2_uart_read(io->uart, io->frame + io->length, 1) == 0) {
            return;
        }
        io->length++;
        while (look(io, now_us)) {
        }
    }
}

static void forget_stale(mps2_io_t *io, uint64_t now_us)
{
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        if (!evse_io_is_fresh(&io->inputs, (evse_input_t)i, now_us)) {
            io->inputs.stamp_us[i] = 0;
        }
    }
}

static int sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    mps2_io_t *io = ctx;
    if (connector != 0) {
        return HF_E_RANGE;
    }
    bool dozed = io->sampled_us != 0 && now_us - io->sampled_us > MPS2_IO_DOZE_MS * HF_US_PER_MS;
    receive(io, now_us);
    if (dozed) {
        io->dozes++;
        forget_stale(io, now_us);
    }
    io->sampled_us = now_us;
    *inputs = io->inputs;
    return HF_OK;
}

// ---- what goes ----

uint32_t mps2_io_frame_drive(unsigned connector, const evse_io_drive_t *drive,
                             uint8_t frame[MPS2_IO_FRAME_BYTES])
{
    unsigned bits = 0;
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        bits |= drive->level[i] ? 1u << i : 0u;
    }
    frame[0] = MARK;
    frame[1] = LEVELS_BYTES;
    uint8_t *packet = frame + HEAD_BYTES;
    packet[0] = TYPE_LEVELS;
    packet[1] = (uint8_t)connector;
    packet[2] = (uint8_t)bits;
    packet[3] = (uint8_t)(bits >> 8);
    for (unsigned i = 0; i < 4u; i++) {
        packet[4u + i] = (uint8_t)(drive->live_count >> (8u * i));
    }
    packet[LEVELS_BYTES] = crc8(frame + 1, LEVELS_BYTES + 1u);
    return LEVELS_BYTES + HEAD_BYTES + 1u;
}

static int drive_outputs(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    mps2_io_t *io = ctx;
    uint8_t frame[MPS2_IO_FRAME_BYTES];
    mps2_leds((drive->level[EVSE_OUT_CONTACTOR] ? LED_CONTACTOR : 0u) |
              (drive->level[EVSE_OUT_LOCK] ? LED_LOCK : 0u));
    return mps2_uart_put(io->uart, frame, mps2_io_frame_drive(connector, drive, frame));
}

const evse_io_ops_t mps2_io_ops = {.sample = sample, .drive = drive_outputs};

int mps2_io_take_card(mps2_io_t *io, unsigned *connector, char id_tag[MPS2_IO_TAG_BYTES])
{
    mps2_io_card_t card;
    int status = hf_queue_get(&io->cards, &card);
    if (status == HF_OK) {
        *connector = card.connector;
        memcpy(id_tag, card.id_tag, sizeof card.id_tag);
    }
    return status;
}
