// SPDX-License-Identifier: MIT
// Takes and gives, and the spans between the classes and the stock. Everything is bits: per page the free units and the
// first unit of each span, per span its free blocks, per class the spans with a free block, per run length the pages whose
// longest free run it is. Lowest bit first everywhere.
#include "holdfast/hf_slab.h"

#include "../sync/hf_word.h"

#include <string.h>

static uint32_t lowest_bit(uint32_t word)
{
    return (uint32_t)__builtin_ctz(word);
}

static uint32_t mask_of(uint32_t bits)
{
    return (1u << bits) - 1u;
}

/// Bit p: `length` free units begin at p.
static uint32_t runs_of(uint32_t free_units, uint32_t length)
{
    while (--length != 0) {
        free_units &= free_units >> 1;
    }
    return free_units;
}

static uint32_t longest_run(uint32_t free_units)
{
    uint32_t length = 0;
    for (; free_units != 0; free_units &= free_units >> 1) {
        length++;
    }
    return length;
}

/// Puts a page among those of its longest run, or takes it out from there.
static void toggle_room(hf_slab_t *slab, uint32_t page)
{
    const uint32_t length = longest_run(slab->config.descriptors[page].free_units);
    if (length == 0) {
        return;
    }
    uint32_t *room = slab->room[length - 1u];
    room[page / 32u] ^= 1u << page % 32u;
    const uint32_t bit = 1u << (length - 1u), others = word_read(&slab->room_lengths) & ~bit;
    word_write(&slab->room_lengths, (room[0] | room[1]) != 0 ? others | bit : others);
}

static void toggle_units(hf_slab_t *slab, uint32_t page, uint32_t units)
{
    toggle_room(slab, page);
    slab->config.descriptors[page].free_units ^= (uint16_t)units;
    toggle_room(slab, page);
}

static void toggle_partial(hf_slab_class_t *class, uint32_t unit)
{
    uint32_t *word = &class->partial[unit / 32u];
    *word ^= 1u << unit % 32u;
    class->partial_summary &= ~(1u << unit / 32u);
    if (*word != 0) {
        class->partial_summary |= 1u << unit / 32u;
    }
}

/// Gives the class a span out of the tightest page that has room. False when none has.
static bool open_span(hf_slab_t *slab, uint32_t number)
{
    hf_slab_class_t *class = &slab->config.classes[number];
    const uint32_t wanted = class->span_units;
    const uint32_t lengths = word_read(&slab->room_lengths) >> (wanted - 1u);
    if (lengths == 0) {
        return false;
    }
    const uint32_t *room = slab->room[wanted - 1u + lowest_bit(lengths)];
    const uint32_t page = room[0] != 0 ? lowest_bit(room[0]) : 32u + lowest_bit(room[1]);
    hf_slab_page_t *descriptor = &slab->config.descriptors[page];
    const uint32_t start = lowest_bit(runs_of(descriptor->free_units, wanted));
    toggle_units(slab, page, mask_of(wanted) << start);
    descriptor->span_starts |= (uint16_t)(1u << start);
    descriptor->free_blocks[start] = (uint16_t)mask_of(class->span_blocks);
    descriptor->unit_class[start] = (uint8_t)number;
    toggle_partial(class, page * HF_SLAB_PAGE_UNITS + start);
    word_step(&class->spans, 1u);
    const uint32_t left = word_read(&slab->free_unit_count) - wanted;
    word_write(&slab->free_unit_count, left);
    if (left < word_read(&slab->min_free_unit_count)) {
        word_write(&slab->min_free_unit_count, left);
    }
    return true;
}

/// Returns an empty span to the stock, unless the class's reserve needs it.
static void close_span(hf_slab_t *slab, hf_slab_class_t *class, uint32_t unit)
{
    if ((word_read(&class->spans) - 1u) * class->span_blocks < class->reserved_count) {
        return;
    }
    const uint32_t page = unit / HF_SLAB_PAGE_UNITS, start = unit % HF_SLAB_PAGE_UNITS;
    toggle_partial(class, unit);
    slab->config.descriptors[page].span_starts &= (uint16_t) ~(1u << start);
    toggle_units(slab, page, mask_of(class->span_units) << start);
    word_step(&class->spans, 0u - 1u);
    word_step(&class->returned_spans, 1u);
    word_step(&slab->free_unit_count, class->span_units);
}

uint32_t hf_slab_class_of(const hf_slab_t *slab, size_t bytes)
{
    uint32_t low = 0, high = slab->config.class_count;
    if (bytes == 0) {
        return high;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2u;
        if (slab->config.classes[middle].block_bytes < bytes) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint16_t *free_blocks_of(const hf_slab_t *slab, uint32_t unit)
{
    return &slab->config.descriptors[unit / HF_SLAB_PAGE_UNITS]
                .free_blocks[unit % HF_SLAB_PAGE_UNITS];
}

/// A block of the class, or NULL. Within the critical section.
static void *take_of(hf_slab_t *slab, uint32_t number)
{
    hf_slab_class_t *class = &slab->config.classes[number];
    if (class->partial_summary == 0 && !open_span(slab, number)) {
        word_step(&class->exhausted, 1u);
        return NULL;
    }
    const uint32_t word = lowest_bit(class->partial_summary);
    const uint32_t unit = word * 32u + lowest_bit(class->partial[word]);
    uint16_t *free_blocks = free_blocks_of(slab, unit);
    const uint32_t was_free = *free_blocks;
    *free_blocks = (uint16_t)(was_free & (was_free - 1u));
    if (*free_blocks == 0) {
        toggle_partial(class, unit);
    }
    const uint32_t in_use = word_read(&class->in_use) + 1u;
    word_step(&class->takes, 1u);
    word_write(&class->in_use, in_use);
    if (in_use > word_read(&class->peak)) {
        word_write(&class->peak, in_use);
    }
    return (uint8_t *)slab->config.pages + ((size_t)unit << slab->unit_shift) +
           (size_t)lowest_bit(was_free) * class->block_bytes;
}

void *hf_slab_take(hf_slab_t *slab, size_t bytes, hf_tag_t tag)
{
    (void)tag;
    const uint32_t number = hf_slab_class_of(slab, bytes);
    void *block = NULL;
    const uint32_t was = hf_critical_enter();
    if (number < slab->config.class_count) {
        block = take_of(slab, number);
    } else {
        word_step(&slab->unservable, 1u);
    }
    hf_critical_exit(was);
    return block;
}

bool hf_slab_owns(const hf_slab_t *slab, const void *address)
{
    return (uintptr_t)address - (uintptr_t)slab->config.pages <
           (size_t)slab->config.page_count * slab->config.page_bytes;
}

/// Where a block lies: its class, the unit its span begins with, its number in there.
typedef struct hf_slab_place {
    hf_slab_class_t *class;
    uint32_t unit;
    uint32_t number;
} hf_slab_place_t;

/// The block in use that begins at the address: HF_OK, or what is wrong with it.
static int find(const hf_slab_t *slab, const void *address, hf_slab_place_t *place)
{
    if (!hf_slab_owns(slab, address)) {
        return HF_E_FOREIGN;
    }
    const uint32_t offset = (uint32_t)((uintptr_t)address - (uintptr_t)slab->config.pages);
    const uint32_t here = offset >> slab->unit_shift, within = here % HF_SLAB_PAGE_UNITS;
    const hf_slab_page_t *descriptor = &slab->config.descriptors[here / HF_SLAB_PAGE_UNITS];
    if ((descriptor->free_units >> within & 1u) != 0) {
        return HF_E_DOUBLE_GIVE;
    }
    const uint32_t starts = descriptor->span_starts & mask_of(within + 1u);
    const uint32_t start = 31u - (uint32_t)__builtin_clz(starts);
    place->class = &slab->config.classes[descriptor->unit_class[start]];
    place->unit = here - within + start;
    const uint32_t distance = offset - (place->unit << slab->unit_shift);
    place->number = distance / place->class->block_bytes;
    if (distance % place->class->block_bytes != 0 || place->number >= place->class->span_blocks) {
        return HF_E_INTERIOR;
    }
    const bool is_free = (descriptor->free_blocks[start] >> place->number & 1u) != 0;
    return is_free ? HF_E_DOUBLE_GIVE : HF_OK;
}

static void count_refusal(hf_slab_t *slab, int status)
{
    if (status == HF_E_FOREIGN) {
        word_step(&slab->foreign, 1u);
    } else if (status == HF_E_INTERIOR) {
        word_step(&slab->interior, 1u);
    } else {
        word_step(&slab->double_gives, 1u);
    }
}

static void put_back(hf_slab_t *slab, const hf_slab_place_t *place)
{
    uint16_t *free_blocks = free_blocks_of(slab, place->unit);
    word_step(&place->class->in_use, 0u - 1u);
    if (*free_blocks == 0) {
        toggle_partial(place->class, place->unit);
    }
    *free_blocks |= (uint16_t)(1u << place->number);
    if (*free_blocks == mask_of(place->class->span_blocks)) {
        close_span(slab, place->class, place->unit);
    }
}

int hf_slab_give(hf_slab_t *slab, void *block)
{
    hf_slab_place_t place;
    const uint32_t was = hf_critical_enter();
    const int status = find(slab, block, &place);
    if (status == HF_OK) {
        put_back(slab, &place);
    } else {
        count_refusal(slab, status);
    }
    hf_critical_exit(was);
    return status;
}

int hf_slab_judge(const hf_slab_t *slab, const void *block)
{
    hf_slab_place_t place;
    const uint32_t was = hf_critical_enter();
    const int status = find(slab, block, &place);
    hf_critical_exit(was);
    return status;
}

uint32_t hf_slab_block_bytes(const hf_slab_t *slab, const void *block)
{
    hf_slab_place_t place;
    const uint32_t was = hf_critical_enter();
    const int status = find(slab, block, &place);
    hf_critical_exit(was);
    return status == HF_OK ? place.class->block_bytes : 0;
}

/// The shortest span that loses at most an eighth behind its last block; where there is none, the one that loses least.
static void shape_span(hf_slab_class_t *class, uint32_t unit_shift)
{
    uint32_t least = UINT32_MAX; // of 64 parts
    for (uint32_t units = 1; units <= HF_SLAB_PAGE_UNITS && least > 8u; units++) {
        const uint32_t bytes = units << unit_shift;
        uint32_t blocks = bytes / class->block_bytes;
        blocks = blocks < HF_SLAB_SPAN_BLOCKS ? blocks : HF_SLAB_SPAN_BLOCKS;
        const uint32_t lost = ((bytes - blocks * class->block_bytes) << 6) / bytes;
        if (blocks != 0 && lost < least) {
            class->span_units = (uint8_t)units;
            class->span_blocks = (uint8_t)blocks;
            least = lost;
        }
    }
}

static bool is_acceptable(const hf_slab_config_t *config)
{
    if (config->name == NULL || config->pages == NULL || config->descriptors == NULL ||
        config->sizes == NULL || config->classes == NULL || config->partial == NULL ||
        (uintptr_t)config->pages % HF_POOL_ALIGN != 0 || config->page_count == 0 ||
        config->page_count > HF_SLAB_PAGES_MAX || config->class_count == 0 ||
        config->class_count > HF_SLAB_CLASSES_MAX || config->page_bytes < HF_SLAB_PAGE_BYTES_MIN ||
        config->page_bytes > HF_SLAB_PAGE_BYTES_MAX ||
        (config->page_bytes & (config->page_bytes - 1u)) != 0) {
        return false;
    }
    uint32_t previous = 0;
    for (uint32_t i = 0; i < config->class_count; i++) {
        const uint32_t block_bytes = config->sizes[i].block_bytes;
        if (block_bytes <= previous || block_bytes > config->page_bytes ||
            block_bytes % HF_POOL_ALIGN != 0) {
            return false;
        }
        previous = block_bytes;
    }
    return true;
}

/// Opens spans for the reserve of one class. False when the stock does not hold them.
static bool init_class(hf_slab_t *slab, uint32_t number)
{
    const hf_slab_config_t *config = &slab->config;
    const uint32_t words = HF_SLAB_PARTIAL_WORDS(config->page_count);
    hf_slab_class_t *class = &config->classes[number];
    *class = (hf_slab_class_t){.block_bytes = config->sizes[number].block_bytes,
                               .reserved_count = config->sizes[number].reserved_count,
                               .partial = &config->partial[number * words]};
    memset(class->partial, 0, words * sizeof *class->partial);
    shape_span(class, slab->unit_shift);
    while (word_read(&class->spans) * class->span_blocks < class->reserved_count) {
        if (!open_span(slab, number)) {
            return false;
        }
    }
    return true;
}

int hf_slab_init(hf_slab_t *slab, const hf_slab_config_t *config)
{
    if (slab == NULL || config == NULL || !is_acceptable(config)) {
        return HF_E_ARGUMENT;
    }
    *slab = (hf_slab_t){.config = *config,
                        .unit_shift = lowest_bit(config->page_bytes / HF_SLAB_PAGE_UNITS),
                        .free_unit_count = config->page_count * HF_SLAB_PAGE_UNITS};
    word_write(&slab->min_free_unit_count, word_read(&slab->free_unit_count));
    for (uint32_t page = 0; page < config->page_count; page++) {
        config->descriptors[page] = (hf_slab_page_t){.free_units = UINT16_MAX};
        toggle_room(slab, page);
    }
    // The widest spans first: they would not fit between those of small blocks.
    for (uint32_t number = config->class_count; number-- > 0;) {
        if (!init_class(slab, number)) {
            return HF_E_FULL;
        }
    }
    slab->config.sizes = NULL;
    return HF_OK;
}
