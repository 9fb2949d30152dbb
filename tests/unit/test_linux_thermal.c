// SPDX-License-Identifier: MIT
// The processor's sensor, found in a folder that looks like /sys/class and says what a test wants.
#include "hf_thermal_linux.h"

#include "hf_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNTOUCHED 12345

typedef struct world {
    char classes[32];
    hf_thermal_linux_t thermal;
} world_t;

static void write_text(const world_t *world, const char *sensor, const char *file, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", world->classes, sensor);
    (void)mkdir(path, S_IRWXU);
    (void)snprintf(path, sizeof path, "%s/%s/%s", world->classes, sensor, file);
    FILE *out = fopen(path, "w");
    CHECK(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
}

static void open_world(world_t *world)
{
    char path[64];
    (void)strcpy(world->classes, "/tmp/hf-thermal-XXXXXX");
    CHECK(mkdtemp(world->classes) != NULL);
    (void)snprintf(path, sizeof path, "%s/thermal", world->classes);
    CHECK_EQ(mkdir(path, S_IRWXU), 0);
    (void)snprintf(path, sizeof path, "%s/hwmon", world->classes);
    CHECK_EQ(mkdir(path, S_IRWXU), 0);
    world->thermal.fd = -1;
}

static void close_world(world_t *world)
{
    char command[64];
    hf_thermal_linux_close(&world->thermal);
    (void)snprintf(command, sizeof command, "rm -r '%s'", world->classes);
    CHECK_EQ(system(command), 0);
}

static void add_zone(const world_t *world, unsigned number, const char *type, const char *temp)
{
    char sensor[32];
    (void)snprintf(sensor, sizeof sensor, "thermal/thermal_zone%u", number);
    write_text(world, sensor, "type", type);
    write_text(world, sensor, "temp", temp);
}

static int32_t look(world_t *world, int expected)
{
    int32_t milli_C = UNTOUCHED;
    hf_thermal_linux_close(&world->thermal);
    hf_thermal_linux_open(&world->thermal, world->classes);
    CHECK_EQ(hf_thermal_linux_read(&world->thermal, &milli_C), expected);
    return milli_C;
}

static void linux_thermal_machine_without_sensors_says_so(void)
{
    world_t world;
    open_world(&world);
    CHECK_EQ(look(&world, HF_E_EMPTY), UNTOUCHED);
    add_zone(&world, 0, "battery\n", "31000\n"); // warm, but not the processor
    CHECK_EQ(look(&world, HF_E_EMPTY), UNTOUCHED);
    close_world(&world);
    hf_thermal_linux_open(&world.thermal, "/nonexistent");
    CHECK_EQ(world.thermal.fd, -1);
}

static void linux_thermal_best_name_wins_whatever_its_number(void)
{
    world_t world;
    open_world(&world);
    add_zone(&world, 0, "acpitz\n", "27800\n");
    add_zone(&world, 1, "soc-thermal\n", "40000\n");
    CHECK_EQ(look(&world, HF_OK), 40000);
    add_zone(&world, 7, "CPU0-thermal\n", "41000\n");
    CHECK_EQ(look(&world, HF_OK), 41000);
    write_text(&world, "hwmon/hwmon3", "name", "k10temp\n");
    CHECK_EQ(look(&world, HF_OK), 41000); // it has no value
    write_text(&world, "hwmon/hwmon3", "temp1_input", "42000\n");
    CHECK_EQ(look(&world, HF_OK), 42000);
    add_zone(&world, HF_THERMAL_LINUX_SENSORS - 1u, "x86_pkg_temp\n", "43000\n");
    CHECK_EQ(look(&world, HF_OK), 43000);
    add_zone(&world, HF_THERMAL_LINUX_SENSORS, "x86_pkg_temp\n", "44000\n");
    CHECK_EQ(look(&world, HF_OK), 43000);
    close_world(&world);
}

static void linux_thermal_sensor_is_read_anew_each_time(void)
{
    world_t world;
    int32_t milli_C = 0;
    open_world(&world);
    add_zone(&world, 0, "cpu-thermal\n", "45678\n");
    CHECK_EQ(look(&world, HF_OK), 45678);
    add_zone(&world, 0, "cpu-thermal\n", "-1500\n");
    CHECK_EQ(hf_thermal_linux_read(&world.thermal, &milli_C), HF_OK);
    CHECK_EQ(milli_C, -1500);
    close_world(&world);
}

static void linux_thermal_value_that_is_none_is_refused(void)
{
    static const struct {
        const char *text;
        int status;
    } values[] = {
        {"", HF_E_IO},
        {"\n", HF_E_FORMAT},
        {"warm\n", HF_E_FORMAT},
        {"45000 mC\n", HF_E_FORMAT},
        {"nan\n", HF_E_FORMAT},
        {"-55001\n", HF_E_RANGE},
        {"150001\n", HF_E_RANGE},
        {"-274000\n", HF_E_RANGE},
        {"99999999999999999999999\n", HF_E_RANGE},
        {"0000000000000000000000000000000000000000000000000000000000000000000\n", HF_E_IO}};
    world_t world;
    open_world(&world);
    for (size_t i = 0; i < HF_COUNT_OF(values); i++) {
        add_zone(&world, 0, "cpu\n", values[i].text);
        CHECK_EQ(look(&world, values[i].status), UNTOUCHED);
    }
    add_zone(&world, 0, "cpu\n", "-55000");
    CHECK_EQ(look(&world, HF_OK), -55000);
    add_zone(&world, 0, "cpu\n", "150000\n");
    CHECK_EQ(look(&world, HF_OK), 150000);
    close_world(&world);
}

HF_TEST_MAIN(HF_TEST(linux_thermal_machine_without_sensors_says_so),
             HF_TEST(linux_thermal_best_name_wins_whatever_its_number),
             HF_TEST(linux_thermal_sensor_is_read_anew_each_time),
             HF_TEST(linux_thermal_value_that_is_none_is_refused))
