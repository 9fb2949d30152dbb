// SPDX-License-Identifier: MIT
// Vendor messages that wait. Invariants: the oldest is first; a full queue drops the least of what it holds and is offered
// (VehicleInfo, BMSAlert, passing SystemAlerts, then what is critical), the oldest of these first, and counts it; what is
// under way is never dropped; what must not be lost (SessionSummary, critical alerts) is in the store once it had to wait
// for a central system that is not there.
#include "evse_ocpp_vendor.h"
#include "holdfast/hf_le.h"

#define RECORD_VERSION 1u
#define RECORD_BYTES   36u
#define WORDS          7u // of the record, four bytes each, from byte 4 on

_Static_assert(CONFIG_EVSE_VENDOR_QUEUE < 255, "an item's key fits its byte");

// ---- over a reboot ------------------------------------------------------------------------------

static int keep_item(evse_ocpp_t *ocpp, const evse_vendor_item_t *item, unsigned key)
{
    const uint32_t words[WORDS] = {
        item->utc_s,       item->number,     (uint32_t)item->transaction_id,
        item->energy_Wh,   item->duration_s, (uint32_t)item->mV,
        (uint32_t)item->mA};
    uint8_t record[RECORD_BYTES] = {RECORD_VERSION, item->kind, item->connector, item->code};
    for (unsigned i = 0u; i < WORDS; i++) {
        hf_le_put32(record + 4u + 4u * i, words[i]);
    }
    hf_le_put(record + 32, 2u, (uint16_t)item->soc_permille);
    hf_le_put(record + 34, 2u, (uint16_t)item->temperature_dC);
    return evse_store_keep(ocpp->config.store, EVSE_OBJECT_VENDOR, (uint16_t)key, record,
                           sizeof record);
}

static unsigned free_key(const evse_vendor_t *vendor)
{
    unsigned key = 0u;
    for (unsigned i = 0u; i < vendor->count; i++) {
        if (vendor->item[i].kept == key + 1u) {
            key++;
            i = UINT32_MAX; // from the first again: the items are in no order of keys
        }
    }
    return key;
}

void evse_vendor_keep(evse_ocpp_t *ocpp)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    for (unsigned i = 0u; i < vendor->count; i++) {
        evse_vendor_item_t *item = &vendor->item[i];
        if (item->kept == 0u && evse_vendor_is_critical(item)) {
            unsigned key = free_key(vendor);
            item->kept = keep_item(ocpp, item, key) == HF_OK ? (uint8_t)(key + 1u) : 0u;
        }
    }
}

// False when it is of another version, or of a station with more connectors.
static bool read_item(const evse_ocpp_t *ocpp, const uint8_t record[RECORD_BYTES],
                      evse_vendor_item_t *item)
{
    uint32_t words[WORDS];
    for (unsigned i = 0u; i < WORDS; i++) {
        words[i] = hf_le_get32(record + 4u + 4u * i);
    }
    *item = (evse_vendor_item_t){.utc_s = words[0],
                                 .number = words[1],
                                 .transaction_id = (int32_t)words[2],
                                 .energy_Wh = words[3],
                                 .duration_s = words[4],
                                 .mV = (int32_t)words[5],
                                 .mA = (int32_t)words[6],
                                 .range_km = -1,
                                 .soc_permille = (int16_t)hf_le_get(record + 32, 2u),
                                 .temperature_dC = (int16_t)hf_le_get(record + 34, 2u),
                                 .kind = record[1],
                                 .connector = record[2],
                                 .code = record[3]};
    return record[0] == RECORD_VERSION && evse_vendor_is_critical(item) &&
           item->connector < ocpp->config.connectors;
}

void evse_vendor_resume(evse_ocpp_t *ocpp)
{
    evse_store_t *store = ocpp->config.store;
    evse_vendor_t *vendor = &ocpp->vendor;
    int32_t key = -1;
    while ((key = evse_store_next_key(store, EVSE_OBJECT_VENDOR, (uint16_t)(key + 1))) >= 0) {
        uint8_t record[RECORD_BYTES];
        evse_vendor_item_t item;
        int length =
            evse_store_kept(store, EVSE_OBJECT_VENDOR, (uint16_t)key, record, sizeof record);
        bool good = length == (int)RECORD_BYTES && read_item(ocpp, record, &item) &&
                    key < CONFIG_EVSE_VENDOR_QUEUE && vendor->count < CONFIG_EVSE_VENDOR_QUEUE;
        if (good) {
            item.kept = (uint8_t)(key + 1);
            vendor->item[vendor->count++] = item;
        } else {
            (void)!evse_store_forget(store, EVSE_OBJECT_VENDOR, (uint16_t)key);
        }
        if (key == UINT16_MAX) {
            return;
        }
    }
}

// ---- the queue ----------------------------------------------------------------------------------

void evse_vendor_remove(evse_ocpp_t *ocpp, unsigned index)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    if (vendor->item[index].kept != 0u) {
        (void)!evse_store_forget(ocpp->config.store, EVSE_OBJECT_VENDOR,
                                 (uint16_t)(vendor->item[index].kept - 1u));
    }
    vendor->count--;
    for (unsigned i = index; i < vendor->count; i++) {
        vendor->item[i] = vendor->item[i + 1u];
    }
    if (vendor->in_flight == index + 1u) {
        vendor->in_flight = 0u;
    } else if (vendor->in_flight > index + 1u) {
        vendor->in_flight--;
    }
}

static unsigned weight(const evse_vendor_item_t *item)
{
    return evse_vendor_is_critical(item) ? EVSE_VENDOR_KINDS : item->kind;
}

// The least of the queue, the oldest of these; what is under way is not asked.
static unsigned find_least(const evse_vendor_t *vendor)
{
    unsigned least = vendor->in_flight == 1u ? 1u : 0u;
    for (unsigned i = 0u; i < vendor->count; i++) {
        if (i + 1u != vendor->in_flight &&
            weight(&vendor->item[i]) < weight(&vendor->item[least])) {
            least = i;
        }
    }
    return least;
}

static bool is_waiting(const evse_vendor_t *vendor, const evse_vendor_item_t *item)
{
    for (unsigned i = 0u; i < vendor->count; i++) {
        const evse_vendor_item_t *other = &vendor->item[i];
        if (i + 1u != vendor->in_flight && item->kind != EVSE_VENDOR_SessionSummary &&
            other->kind == item->kind && other->connector == item->connector &&
            other->code == item->code) {
            return true;
        }
    }
    return false;
}

void evse_vendor_put(evse_ocpp_t *ocpp, const evse_vendor_item_t *item)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    if (is_waiting(vendor, item)) {
        return;
    }
    if (vendor->count == CONFIG_EVSE_VENDOR_QUEUE) {
        unsigned least = find_least(vendor);
        vendor->dropped++;
        if (weight(&vendor->item[least]) > weight(item)) {
            return;
        }
        evse_vendor_remove(ocpp, least);
    }
    vendor->item[vendor->count++] = *item;
}
