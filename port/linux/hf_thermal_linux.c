// SPDX-License-Identifier: MIT
// Sensors by name (hf_thermal_linux.h). The kernel's ABI: thermal_zone<n>/type and temp, hwmon<n>/name and temp1_input,
// millidegrees Celsius. Which number a sensor has changes from boot to boot; its name does not.
#include "hf_thermal_linux.h"

#include "holdfast/hf_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LEAST_mC   (-55000)
#define MOST_mC    150000
#define TEXT_BYTES 64u

typedef struct sensor_class {
    const char *folder, *name, *value;
} sensor_class_t;

static const sensor_class_t zones = {"thermal/thermal_zone", "type", "temp"};
static const sensor_class_t hwmon = {"hwmon/hwmon", "name", "temp1_input"};

// What a name begins with, the better first: the package, then a core, then the chip around it.
static const struct {
    const sensor_class_t *class;
    const char *prefix;
} wanted[] = {{&zones, "x86_pkg_temp"}, {&hwmon, "coretemp"},   {&hwmon, "k10temp"},
              {&hwmon, "zenpower"},     {&zones, "cpu"},        {&hwmon, "cpu"},
              {&zones, "mpu"},          {&zones, "apu"},        {&zones, "soc"},
              {&zones, "main0"},        {&zones, "imx_thermal"}};

static int open_file(const char *classes, const sensor_class_t *class, unsigned number,
                     const char *file)
{
    char path[256];
    int length = snprintf(path, sizeof path, "%s/%s%u/%s", classes, class->folder, number, file);
    return length > 0 && (size_t)length < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/// The first line of a file, without its end. False: none, or longer than any that is meant.
static bool read_line(int fd, char text[TEXT_BYTES])
{
    ssize_t length = pread(fd, text, TEXT_BYTES - 1u, 0);
    if (length <= 0 || (size_t)length == TEXT_BYTES - 1u) {
        return false;
    }
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

/// The place of a sensor's name among those wanted; HF_COUNT_OF(wanted): it is not.
static size_t rank_of(const sensor_class_t *class, const char *name)
{
    size_t i = 0;
    while (i < HF_COUNT_OF(wanted) &&
           (wanted[i].class != class ||
            strncasecmp(name, wanted[i].prefix, strlen(wanted[i].prefix)) != 0)) {
        i++;
    }
    return i;
}

static size_t rank_number(const char *classes, const sensor_class_t *class, unsigned number)
{
    char name[TEXT_BYTES];
    int fd = open_file(classes, class, number, class->name);
    bool is_named = fd >= 0 && read_line(fd, name);
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_named ? rank_of(class, name) : HF_COUNT_OF(wanted);
}

void hf_thermal_linux_open(hf_thermal_linux_t *thermal, const char *classes)
{
    size_t best = HF_COUNT_OF(wanted);
    thermal->fd = -1;
    for (unsigned i = 0; i < 2u * HF_THERMAL_LINUX_SENSORS; i++) {
        const sensor_class_t *class = i % 2u == 0 ? &zones : &hwmon;
        size_t rank = rank_number(classes, class, i / 2u);
        int fd = rank < best ? open_file(classes, class, i / 2u, class->value) : -1;
        if (fd >= 0) {
            hf_thermal_linux_close(thermal);
            thermal->fd = fd;
            best = rank;
        }
    }
}

int hf_thermal_linux_read(const hf_thermal_linux_t *thermal, int32_t *milli_C)
{
    char text[TEXT_BYTES];
    int64_t value;
    if (thermal->fd < 0) {
        return HF_E_EMPTY;
    }
    if (!read_line(thermal->fd, text)) {
        return HF_E_IO;
    }
    int status = hf_slice_to_i64((hf_slice_t){.text = text, .length = strlen(text)}, &value);
    if (status != HF_OK) {
        return status;
    }
    if (value < LEAST_mC || value > MOST_mC) {
        return HF_E_RANGE;
    }
    *milli_C = (int32_t)value;
    return HF_OK;
}

void hf_thermal_linux_close(hf_thermal_linux_t *thermal)
{
    if (thermal->fd >= 0) {
        (void)close(thermal->fd);
        thermal->fd = -1;
    }
}
