// SPDX-License-Identifier: MIT
// Modbus RTU energy meter. Invariants: only the thread touches the line; a round of questions is told whole or not at all;
// a reading is as old as the moment its question went out; whatever the line does, the thread asks on.
#include "evse_meter_modbus.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS  500u // to the first byte of an answer; and between two of its bytes
#define mJ_PER_mWh 3600u
#define REOPEN_MAX 3u // so many bad rounds in a row, and the line is opened anew

// ---- the spec -----------------------------------------------------------------------------------

static bool read_int(const char *text, size_t length, int least, int most, int *out)
{
    int64_t value = 0;
    if (hf_slice_to_i64((hf_slice_t){text, length}, &value) != HF_OK || value < least ||
        value > most) {
        return false;
    }
    *out = (int)value;
    return true;
}

static bool is_mode(const char *text, size_t length)
{
    return length == 3u && (text[0] == '7' || text[0] == '8') &&
           memchr("NEO", text[1], 3u) != NULL && (text[2] == '1' || text[2] == '2');
}

// One of the fields after the device: a baud rate, a mode, unit=, profile=.
static int read_field(const char *text, size_t length, evse_meter_modbus_spec_t *spec)
{
    static const char unit[] = "unit=", profile[] = "profile=";
    if (length > sizeof unit - 1u && memcmp(text, unit, sizeof unit - 1u) == 0) {
        return read_int(text + sizeof unit - 1u, length - (sizeof unit - 1u), 1, 247, &spec->unit)
                   ? HF_OK
                   : HF_E_RANGE;
    }
    if (length > sizeof profile - 1u && memcmp(text, profile, sizeof profile - 1u) == 0) {
        char name[32];
        hf_slice_t value = {text + sizeof profile - 1u, length - (sizeof profile - 1u)};
        int status = hf_slice_copy(value, name, sizeof name);
        spec->map = status == HF_OK ? evse_meter_map_find(name) : NULL;
        return spec->map != NULL ? HF_OK : HF_E_NOT_FOUND;
    }
    if (is_mode(text, length)) {
        spec->data_bits = text[0] - '0';
        spec->parity = text[1];
        spec->stop_bits = text[2] - '0';
        return HF_OK;
    }
    return read_int(text, length, 1200, 115200, &spec->baud) ? HF_OK : HF_E_FORMAT;
}

int evse_meter_modbus_parse(const char *text, evse_meter_modbus_spec_t *spec)
{
    *spec = (evse_meter_modbus_spec_t){
        .baud = 9600, .data_bits = 8, .parity = 'N', .stop_bits = 1, .unit = 1};
    size_t length = strcspn(text, ",");
    if (text[0] != '/') {
        return HF_E_FORMAT;
    }
    int status = hf_slice_copy((hf_slice_t){text, length}, spec->device, sizeof spec->device);
    while (status == HF_OK && text[length] == ',') {
        text += length + 1u;
        length = strcspn(text, ",");
        status = read_field(text, length, spec);
    }
    return status == HF_OK && spec->map == NULL ? HF_E_ARGUMENT : status;
}

// ---- the thread ---------------------------------------------------------------------------------

static void close_line(evse_meter_modbus_t *meter)
{
    modbus_t *bus = meter->bus;
    if (bus != NULL) {
        modbus_close(bus);
        modbus_free(bus);
        meter->bus = NULL;
    }
}

static bool open_line(evse_meter_modbus_t *meter)
{
    const evse_meter_modbus_spec_t *spec = &meter->config.spec;
    modbus_t *bus =
        modbus_new_rtu(spec->device, spec->baud, spec->parity, spec->data_bits, spec->stop_bits);
    meter->bus = bus;
    if (bus == NULL || modbus_set_slave(bus, spec->unit) != 0 ||
        modbus_set_response_timeout(bus, 0, ANSWER_MS * 1000u) != 0 ||
        modbus_set_byte_timeout(bus, 0, ANSWER_MS * 1000u) != 0 || modbus_connect(bus) != 0) {
        close_line(meter);
        return false;
    }
    atomic_fetch_add_explicit(&meter->opened, 1u, memory_order_relaxed);
    return true;
}

static int read_block(evse_meter_modbus_t *meter, uint16_t words[EVSE_METER_WORDS_MAX])
{
    const evse_meter_map_t *map = meter->config.spec.map;
    return map->function == 3u
               ? modbus_read_registers(meter->bus, map->first, map->words, words)
               : modbus_read_input_registers(meter->bus, map->first, map->words, words);
}

// True when the meter answered.
static bool ask(evse_meter_modbus_t *meter)
{
    uint16_t words[EVSE_METER_WORDS_MAX];
    uint64_t asked_us = hf_port_now_us();
    errno = 0;
    bool good =
        read_block(meter, words) == meter->config.spec.map->words &&
        evse_meter_map_decode(meter->config.spec.map, words, asked_us, &meter->heard) == HF_OK;
    if (good) {
        hf_snapshot_write(&meter->samples, &meter->heard);
        atomic_fetch_add_explicit(&meter->good, 1u, memory_order_relaxed);
        return true;
    }
    hf_atomic_u32_t *count = errno == ETIMEDOUT ? &meter->silent : &meter->broken;
    atomic_fetch_add_explicit(count, 1u, memory_order_relaxed);
    (void)modbus_flush(meter->bus); // what is left of a broken answer is not the next one
    return false;
}

static void wait_ms(uint32_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000u, .tv_nsec = (long)(ms % 1000u) * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static bool is_stopping(const evse_meter_modbus_t *meter)
{
    return atomic_load_explicit(&meter->stopping, memory_order_relaxed) != 0u;
}

// In steps, so that a stop is heard soon.
static void rest(const evse_meter_modbus_t *meter, uint64_t until_us)
{
    for (uint64_t now_us = hf_port_now_us(); now_us < until_us && !is_stopping(meter);
         now_us = hf_port_now_us()) {
        uint64_t left_ms = (until_us - now_us) / HF_US_PER_MS + 1u;
        wait_ms(left_ms < 50u ? (uint32_t)left_ms : 50u);
    }
}

static void *run(void *ctx)
{
    evse_meter_modbus_t *meter = ctx;
    unsigned bad = 0u;
    while (!is_stopping(meter)) {
        uint64_t next_us = hf_port_now_us() + meter->config.period_ms * HF_US_PER_MS;
        if (meter->bus != NULL || open_line(meter)) {
            bad = ask(meter) ? 0u : bad + 1u;
            if (bad >= REOPEN_MAX) { // unplugged, or another device has its name by now
                close_line(meter);
                bad = 0u;
            }
        }
        rest(meter, next_us);
    }
    close_line(meter);
    return NULL;
}

int evse_meter_modbus_start(evse_meter_modbus_t *meter, const evse_meter_modbus_config_t *config)
{
    memset(meter, 0, sizeof *meter);
    meter->config = *config;
    uint64_t step_mJ = (uint64_t)config->spec.map->step_mWh * mJ_PER_mWh;
    evse_meter_counter_init(&meter->counter, config->max_W, step_mJ);
    meter->told = meter->counter;
    int status = hf_snapshot_init(&meter->samples, meter->words, sizeof(evse_meter_sample_t));
    if (status != HF_OK) {
        return status;
    }
    return hf_thread_start(&meter->thread, &config->place, run, meter) == 0 ? HF_OK : HF_E_IO;
}

void evse_meter_modbus_stop(evse_meter_modbus_t *meter)
{
    atomic_store_explicit(&meter->stopping, 1u, memory_order_relaxed);
    (void)pthread_join(meter->thread, NULL);
}

evse_meter_modbus_counts_t evse_meter_modbus_counts(const evse_meter_modbus_t *meter)
{
    return (evse_meter_modbus_counts_t){
        .good = atomic_load_explicit(&meter->good, memory_order_relaxed),
        .silent = atomic_load_explicit(&meter->silent, memory_order_relaxed),
        .broken = atomic_load_explicit(&meter->broken, memory_order_relaxed),
        .opened = atomic_load_explicit(&meter->opened, memory_order_relaxed)};
}

// ---- the seam -----------------------------------------------------------------------------------

// The newest sample; a reader that was torn keeps the one it has.
static bool refresh(const evse_meter_modbus_t *meter, evse_meter_sample_t *sample, uint64_t now_us)
{
    evse_meter_sample_t next;
    if (hf_snapshot_read(&meter->samples, &next) == HF_OK) {
        *sample = next;
    }
    return sample->taken_us != 0u &&
           (now_us < sample->taken_us ||
            now_us - sample->taken_us <= EVSE_METER_MODBUS_AGE_MS * HF_US_PER_MS);
}

static void tell_silence(evse_meter_modbus_t *meter, bool is_silent, uint64_t now_us)
{
    const char *device = meter->config.spec.device;
    if (is_silent == meter->is_silent) {
        return;
    }
    meter->is_silent = is_silent;
    if (is_silent) {
        HF_LOGW(meter->config.log, now_us, METER, "meter at %s is silent", device);
    } else {
        HF_LOGI(meter->config.log, now_us, METER, "meter at %s answers again", device);
    }
}

// What became of its register.
static void tell_register(evse_meter_modbus_t *meter, uint64_t now_us)
{
    evse_meter_counter_t *told = &meter->told;
    const evse_meter_counter_t *counter = &meter->counter;
    const char *what = counter->jumps != told->jumps   ? "says more than can have flown: refused"
                       : counter->backs != told->backs ? "went back: counted on from there"
                       : counter->apart != told->apart
                           ? "is not the station's: counted on from there"
                       : counter->adopted != told->adopted ? "is the station's"
                                                           : NULL;
    if (what != NULL) {
        *told = *counter;
        HF_LOGW(meter->config.log, now_us, METER, "meter at %s: its register, %llu Wh, %s",
                meter->config.spec.device,
                (unsigned long long)(meter->counted.energy_mJ / mJ_PER_mWh / 1000u), what);
    }
}

static int advance(void *ctx, uint64_t now_us, evse_meter_count_t *count)
{
    evse_meter_modbus_t *meter = ctx;
    bool fresh = refresh(meter, &meter->counted, now_us);
    tell_silence(meter, !fresh && meter->counted.taken_us != 0u, now_us);
    if (!fresh) {
        return HF_E_TIMEOUT;
    }
    int status = evse_meter_counter_take(&meter->counter, meter->counted.energy_mJ,
                                         meter->counted.taken_us, count);
    tell_register(meter, now_us);
    return status;
}

static int measure(void *ctx, evse_quantity_t quantity, uint64_t now_us, evse_measured_t *out)
{
    evse_meter_modbus_t *meter = ctx;
    bool fresh = refresh(meter, &meter->measured, now_us);
    return evse_meter_map_measure(meter->config.spec.map, &meter->measured, quantity, fresh, out);
}

const evse_meter_ops_t evse_meter_modbus_ops = {.advance = advance, .measure = measure};
