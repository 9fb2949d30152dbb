// SPDX-License-Identifier: MIT
// Texts to buses. What a build leaves out is refused when the text is read, not when the bus is opened.
#include "evse_can_linux.h"

#include <string.h>

#if CONFIG_HOLDFASTD_SOCKETCAN
#define HAS_SOCKETCAN  true
#define SOCKETCAN_TEXT ", socketcan:INTERFACE"
#else
#define HAS_SOCKETCAN  false
#define SOCKETCAN_TEXT ""
#endif
#if CONFIG_HOLDFASTD_SLCAN
#define HAS_SLCAN  true
#define SLCAN_TEXT ", slcan:DEVICE[@KBITS][,mute]"
#else
#define HAS_SLCAN  false
#define SLCAN_TEXT ""
#endif

#define MUTE       ",mute"
#define DIGITS_MAX 4u
#define DECIMAL    10u

const char evse_can_linux_specs[] = "virtual:PATH" SOCKETCAN_TEXT SLCAN_TEXT;

static const struct {
    const char *prefix;
    evse_can_linux_kind_t kind;
    size_t name_max;
    bool built;
} kinds[] = {
    {"virtual:", EVSE_CAN_LINUX_VIRTUAL, sizeof(((struct sockaddr_un *)0)->sun_path), true},
    {"socketcan:", EVSE_CAN_LINUX_SOCKETCAN, IFNAMSIZ, HAS_SOCKETCAN},
    {"slcan:", EVSE_CAN_LINUX_SLCAN, EVSE_CAN_SLCAN_PATH_BYTES, HAS_SLCAN},
};

static int read_bitrate(const char *text, size_t length, uint32_t *kbits)
{
    *kbits = 0;
    if (length == 0 || length > DIGITS_MAX) {
        return HF_E_RANGE;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return HF_E_RANGE;
        }
        *kbits = *kbits * DECIMAL + (uint32_t)(text[i] - '0');
    }
    return evse_slcan_bitrate_digit(*kbits) != 0 ? HF_OK : HF_E_RANGE;
}

// Cuts what follows the device off its name.
static int read_slcan(const char *name, size_t *length, evse_can_linux_spec_t *spec)
{
    const size_t mute = sizeof MUTE - 1u;
    spec->mute = *length >= mute && memcmp(name + *length - mute, MUTE, mute) == 0;
    *length -= spec->mute ? mute : 0;
    for (size_t i = *length; i > 0; i--) {
        if (name[i - 1u] == '@') {
            int status = read_bitrate(name + i, *length - i, &spec->bitrate_kbits);
            *length = i - 1u;
            return status;
        }
    }
    return HF_OK;
}

int evse_can_linux_parse(const char *text, evse_can_linux_spec_t *spec)
{
    memset(spec, 0, sizeof *spec);
    for (size_t i = 0; i < HF_COUNT_OF(kinds); i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, prefix) != 0) {
            continue;
        }
        size_t length = strlen(text + prefix);
        int status = HF_OK;
        spec->kind = kinds[i].kind;
        if (spec->kind == EVSE_CAN_LINUX_SLCAN) {
            status = read_slcan(text + prefix, &length, spec);
        }
        if (length == 0) {
            return HF_E_FORMAT;
        }
        if (length >= kinds[i].name_max) {
            return HF_E_TOO_LONG;
        }
        memcpy(spec->name, text + prefix, length);
        return status != HF_OK || kinds[i].built ? status : HF_E_UNSUPPORTED;
    }
    return HF_E_FORMAT;
}

#if CONFIG_HOLDFASTD_SOCKETCAN
static int open_socketcan(evse_can_linux_t *bus, const evse_can_filters_t *filters, evse_can_t *can)
{
    *can = (evse_can_t){.ops = &evse_can_socketcan_ops, .ctx = &bus->bus.socketcan};
    int status = evse_can_socketcan_open(&bus->bus.socketcan, bus->spec.name);
    if (status == HF_OK && filters != NULL) {
        status = evse_can_socketcan_filter(&bus->bus.socketcan, filters->list, filters->count);
    }
    return status;
}
#endif

#if CONFIG_HOLDFASTD_SLCAN
static int open_slcan(evse_can_linux_t *bus, evse_can_t *can)
{
    const evse_can_slcan_config_t config = {
        .path = bus->spec.name, .bitrate_kbits = bus->spec.bitrate_kbits, .mute = bus->spec.mute};
    *can = (evse_can_t){.ops = &evse_can_slcan_ops, .ctx = &bus->bus.slcan};
    return evse_can_slcan_open(&bus->bus.slcan, &config);
}
#endif

int evse_can_linux_open(evse_can_linux_t *bus, const char *text, const evse_can_filters_t *filters,
                        evse_can_t *can)
{
    (void)filters; // of no use to two of the three
    int status = evse_can_linux_parse(text, &bus->spec);
    if (status != HF_OK) {
        return status;
    }
    switch (bus->spec.kind) {
    case EVSE_CAN_LINUX_VIRTUAL:
        *can = (evse_can_t){.ops = &evse_can_virtual_ops, .ctx = &bus->bus.virtual_bus};
        return evse_can_virtual_open(&bus->bus.virtual_bus, bus->spec.name);
#if CONFIG_HOLDFASTD_SOCKETCAN
    case EVSE_CAN_LINUX_SOCKETCAN:
        return open_socketcan(bus, filters, can);
#endif
#if CONFIG_HOLDFASTD_SLCAN
    case EVSE_CAN_LINUX_SLCAN:
        return open_slcan(bus, can);
#endif
    default:
        return HF_E_UNSUPPORTED;
    }
}

void evse_can_linux_close(evse_can_linux_t *bus)
{
    switch (bus->spec.kind) {
    case EVSE_CAN_LINUX_VIRTUAL:
        evse_can_virtual_close(&bus->bus.virtual_bus);
        break;
#if CONFIG_HOLDFASTD_SOCKETCAN
    case EVSE_CAN_LINUX_SOCKETCAN:
        evse_can_socketcan_close(&bus->bus.socketcan);
        break;
#endif
#if CONFIG_HOLDFASTD_SLCAN
    case EVSE_CAN_LINUX_SLCAN:
        evse_can_slcan_close(&bus->bus.slcan);
        break;
#endif
    default:
        break;
    }
}
