// SPDX-License-Identifier: MIT
// Any bytes as a page of a reset dossier. The first byte is an option: bit 0 signs the page, so that what lies behind the
// checksum is reached too. Invariants: what is no dossier leaves all zero; what is one has texts that end, pools within the
// table, and comes back the same when it is written anew.
#include "fuzz.h"
#include "holdfast/hf_crc.h"
#include "holdfast/hf_dossier.h"
#include "holdfast/hf_le.h"

#include <string.h>

#define PAGE_BYTES   1024u
#define HEADER_BYTES 12u

static void sign(uint8_t *page, size_t length)
{
    const size_t told = (size_t)hf_le_get(page + 6, 2);
    if (told >= HEADER_BYTES && told <= length) {
        memcpy(page, "HFDS", 4);
        const uint32_t crc = hf_crc32c(0, page + 4, 4);
        hf_le_put32(page + 8, hf_crc32c(crc, page + HEADER_BYTES, told - HEADER_BYTES));
    }
}

static void judge(const hf_dossier_t *dossier)
{
    must(memchr(dossier->task, 0, sizeof dossier->task) != NULL);
    must(memchr(dossier->tag, 0, sizeof dossier->tag) != NULL);
    must(memchr(dossier->detail, 0, sizeof dossier->detail) != NULL);
    must(dossier->pools <= HF_DOSSIER_POOLS);
    for (uint32_t i = 0; i < HF_DOSSIER_POOLS; i++) {
        must(memchr(dossier->pool[i].name, 0, sizeof dossier->pool[i].name) != NULL);
    }
    (void)hf_reset_text(dossier->reason);
    uint8_t page[HF_DOSSIER_BYTES];
    hf_dossier_t again;
    const uint32_t length = hf_dossier_encode(dossier, page);
    must(length <= HF_DOSSIER_BYTES);
    must(hf_dossier_decode(page, length, &again) == HF_OK);
    must(memcmp(&again, dossier, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hf_dossier_t nothing;
    if (size < 1 || size > PAGE_BYTES) {
        return 0;
    }
    const size_t length = size - 1u;
    uint8_t *page = malloc(length != 0 ? length : 1u); // so that a look beyond its end is seen
    must(page != NULL);
    memcpy(page, data + 1, length);
    if ((data[0] & 1u) != 0 && length >= HEADER_BYTES) {
        sign(page, length);
    }
    hf_dossier_t dossier;
    memset(&dossier, 0xA5, sizeof dossier);
    const int status = hf_dossier_decode(page, length, &dossier);
    if (status == HF_OK) {
        judge(&dossier);
    } else {
        must(status == HF_E_EMPTY || status == HF_E_CORRUPT || status == HF_E_UNSUPPORTED);
        must(memcmp(&dossier, &nothing, sizeof dossier) == 0);
    }
    free(page);
    return 0;
}
