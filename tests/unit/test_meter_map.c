// SPDX-License-Identifier: MIT
// Words of Modbus meters to values: floats without floating point, word orders, what is no number.
#include "evse/evse_meter_map.h"
#include "hf_test.h"

static uint16_t words[EVSE_METER_WORDS_MAX];
static evse_meter_sample_t sample;

static void put_float(unsigned at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    words[at] = (uint16_t)(bits >> 16);
    words[at + 1] = (uint16_t)bits;
}

static const evse_meter_map_t *start(const char *name)
{
    memset(words, 0, sizeof words);
    sample = (evse_meter_sample_t){0};
    put_float(0x46, 50.0F);
    return evse_meter_map_find(name);
}

static int measure(const evse_meter_map_t *map, const char *text, int32_t *value,
                   unsigned *location)
{
    evse_quantity_t quantity;
    evse_measured_t measured = {0};
    CHECK(evse_quantity_parse((hf_slice_t){text, strlen(text)}, &quantity));
    int status = evse_meter_map_measure(map, &sample, quantity, true, &measured);
    *value = measured.value;
    *location = measured.location;
    return status;
}

static void check(const evse_meter_map_t *map, const char *text, int32_t expected)
{
    int32_t value;
    unsigned location;
    CHECK_EQ(measure(map, text, &value, &location), 0);
    CHECK_EQ(value, expected);
    CHECK_EQ(location, map->location);
}

static void meter_map_sdm630_has_three_phases(void)
{
    const evse_meter_map_t *map = start("eastron-sdm630");
    put_float(0x00, 230.25F);
    put_float(0x02, 229.5F);
    put_float(0x04, 231.125F);
    put_float(0x0A, 15.75F);
    put_float(0x10, 3640.4F);
    put_float(0x34, -12.0F);
    put_float(0x3C, -120.5F);
    put_float(0x3E, -0.987F);
    put_float(0x46, 49.98F);
    put_float(0x48, 12345.67F);
    CHECK_EQ(evse_meter_map_decode(map, words, 77, &sample), 0);
    check(map, "Voltage.L1-N", 230250);
    check(map, "Voltage.L2-N", 229500);
    check(map, "Voltage.L3-N", 231125);
    check(map, "Current.Import.L3", 15750);
    check(map, "Power.Active.Import.L3", 3640);
    check(map, "Power.Reactive.Import", -121);
    check(map, "Power.Factor", -987);
    check(map, "Frequency", 49980);
    CHECK_EQ(sample.energy_mJ / 3600000u, 12345669); // a float's 12345.67 is 12345.6699
    CHECK_EQ(sample.taken_us, 77);
    int32_t value;
    unsigned location;
    CHECK_EQ(measure(map, "Power.Active.Import", &value, &location), HF_E_RANGE); // export
    CHECK_EQ(sample.refused, 1);
    CHECK_EQ(measure(map, "Voltage", &value, &location), HF_E_UNSUPPORTED);
    CHECK_EQ(measure(map, "Voltage.L1", &value, &location), HF_E_UNSUPPORTED);
}

static void meter_map_pzem_has_the_low_word_first(void)
{
    const evse_meter_map_t *map = start("pzem-017");
    const uint16_t block[] = {7641, 3021, 0x5A1C, 0x0000, 0x86A3, 0x0001};
    memcpy(words, block, sizeof block);
    CHECK_EQ(evse_meter_map_decode(map, words, 1, &sample), 0);
    check(map, "Voltage", 76410);
    check(map, "Current.Import", 30210);
    check(map, "Power.Active.Import", 2307); // 2306.8 W
    CHECK_EQ(sample.energy_mJ, 100003ull * 3600000u);
}

static void meter_map_floats_round_at_both_ends(void)
{
    const evse_meter_map_t *map = start("eastron-sdm120");
    static const struct {
        float volts;
        int32_t mV;
    } cases[] = {{0.0F, 0},    {1e-40F, 0},  {0.0004F, 0},         {0.0006F, 1},
                 {1.0F, 1000}, {0.0005F, 1}, {999.9999F, 1000000}, {1000.0F, 1000000}};
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        put_float(0, cases[i].volts);
        CHECK_EQ(evse_meter_map_decode(map, words, 1, &sample), 0);
        check(map, "Voltage.L1-N", cases[i].mV);
    }
}

static void meter_map_no_number_is_no_value(void)
{
    static const uint32_t none[] = {0x7F800000u, 0xFF800000u, 0x7FC00000u, 0xFFFFFFFFu, // Inf, NaN
                                    0x7F7FFFFFu, 0x5D5E0B6Bu,  // the largest, 1e18
                                    0x447A0CCDu, 0xBF800000u}; // 1000.2, -1
    const evse_meter_map_t *map = start("eastron-sdm120");
    for (size_t i = 0; i < HF_COUNT_OF(none); i++) {
        int32_t value;
        unsigned location;
        words[0] = (uint16_t)(none[i] >> 16);
        words[1] = (uint16_t)none[i];
        CHECK_EQ(evse_meter_map_decode(map, words, 1, &sample), 0);
        CHECK_EQ(measure(map, "Voltage.L1-N", &value, &location), HF_E_RANGE);
        CHECK_EQ(sample.refused, i + 1);
    }
}

static void meter_map_energy_that_is_none_refuses_the_sample(void)
{
    const evse_meter_map_t *map = start("eastron-sdm120");
    put_float(0x48, 10.0F);
    CHECK_EQ(evse_meter_map_decode(map, words, 5, &sample), 0);
    static const uint32_t none[] = {0x7FC00000u, 0xC1200000u, 0x7F000000u, 0x4EEE6B28u}; // 2e9 kWh
    for (size_t i = 0; i < HF_COUNT_OF(none); i++) {
        words[0x48] = (uint16_t)(none[i] >> 16);
        words[0x49] = (uint16_t)none[i];
        CHECK_EQ(evse_meter_map_decode(map, words, 6, &sample), HF_E_RANGE);
        CHECK_EQ(sample.energy_mJ, 10000ull * 3600000u);
        CHECK_EQ(sample.taken_us, 5);
    }
    CHECK_EQ(sample.refused, HF_COUNT_OF(none));
}

static void meter_map_old_sample_has_no_value(void)
{
    const evse_meter_map_t *map = start("pzem-017");
    evse_measured_t measured;
    CHECK_EQ(evse_meter_map_measure(map, &sample, (evse_quantity_t){EVSE_MEASURAND_ENERGY, 0},
                                    false, &measured),
             HF_E_TIMEOUT);
    CHECK_EQ(evse_meter_map_measure(map, &sample, (evse_quantity_t){EVSE_MEASURAND_FREQUENCY, 0},
                                    false, &measured),
             HF_E_UNSUPPORTED);
}

static void meter_map_every_map_is_consistent(void)
{
    const evse_meter_map_t *map;
    for (size_t i = 0; (map = evse_meter_map_at(i)) != NULL; i++) {
        bool energy = false;
        CHECK(evse_meter_map_find(map->name) == map);
        CHECK(map->words <= EVSE_METER_WORDS_MAX);
        CHECK(map->item_count <= EVSE_METER_ITEMS_MAX);
        for (unsigned k = 0; k < map->item_count; k++) {
            const evse_meter_item_t *item = &map->items[k];
            unsigned width = item->type == EVSE_METER_UINT16 ? 1 : 2;
            CHECK(item->at + width <= map->words);
            CHECK(item->type != EVSE_METER_FLOAT32 || (item->power >= 0 && item->power <= 6));
            energy = energy || item->measurand == EVSE_MEASURAND_ENERGY;
        }
        CHECK(energy);
    }
    CHECK(evse_meter_map_find("unknown") == NULL);
}

static void meter_map_any_words_give_possible_values_or_none(void)
{
    uint64_t random = 0x9E3779B97F4A7C15u;
    const evse_meter_map_t *map;
    for (size_t m = 0; (map = evse_meter_map_at(m)) != NULL; m++) {
        sample = (evse_meter_sample_t){0};
        for (unsigned round = 0; round < 20000; round++) {
            for (unsigned i = 0; i < EVSE_METER_WORDS_MAX; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                words[i] = (uint16_t)(random >> 48);
            }
            uint32_t refused = sample.refused;
            if (evse_meter_map_decode(map, words, round + 1u, &sample) != 0) {
                CHECK_EQ(sample.refused, refused + 1u);
                continue;
            }
            CHECK(sample.energy_mJ <= 3600000000000000000u);
            for (unsigned i = 0; i < map->item_count; i++) {
                bool good = (sample.good >> i & 1u) != 0;
                bool energy = map->items[i].measurand == EVSE_MEASURAND_ENERGY;
                CHECK(!good || energy ||
                      evse_measurand_is_possible(map->items[i].measurand, sample.value[i]));
            }
        }
    }
}

static void meter_quantity_names_are_read_whole(void)
{
    static const struct {
        const char *text;
        int measurand, phase;
    } cases[] = {{"Voltage", EVSE_MEASURAND_VOLTAGE, 0},
                 {"Voltage.L3-L1", EVSE_MEASURAND_VOLTAGE, EVSE_PHASE_L3_L1},
                 {"Power.Active.Import.N", EVSE_MEASURAND_POWER, EVSE_PHASE_N},
                 {"Energy.Active.Import.Interval", EVSE_MEASURAND_INTERVAL, 0},
                 {"Voltage.", -1, 0},
                 {"Voltage.L4", -1, 0},
                 {"voltage", -1, 0},
                 {"VoltageL1", -1, 0},
                 {"Volt", -1, 0},
                 {"", -1, 0}};
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        evse_quantity_t quantity = {0};
        hf_slice_t text = {cases[i].text, strlen(cases[i].text)};
        CHECK_EQ(evse_quantity_parse(text, &quantity), cases[i].measurand >= 0);
        if (cases[i].measurand >= 0) {
            CHECK_EQ(quantity.measurand, cases[i].measurand);
            CHECK_EQ(evse_quantity_phase(quantity.phase), cases[i].phase);
            CHECK_EQ(evse_quantity_location(quantity.phase), EVSE_LOCATION_Outlet);
        }
    }
    evse_quantity_t soc;
    CHECK(evse_quantity_parse(HF_SLICE("SoC"), &soc));
    CHECK_EQ(evse_quantity_location(soc.phase), EVSE_LOCATION_EV);
}

HF_TEST_MAIN(HF_TEST(meter_map_sdm630_has_three_phases),
             HF_TEST(meter_map_pzem_has_the_low_word_first),
             HF_TEST(meter_map_floats_round_at_both_ends), HF_TEST(meter_map_no_number_is_no_value),
             HF_TEST(meter_map_energy_that_is_none_refuses_the_sample),
             HF_TEST(meter_map_old_sample_has_no_value), HF_TEST(meter_map_every_map_is_consistent),
             HF_TEST(meter_map_any_words_give_possible_values_or_none),
             HF_TEST(meter_quantity_names_are_read_whole))
