// SPDX-License-Identifier: MIT
// How warm the processor is: one sensor of sysfs, chosen once by its name, thermal zones before hwmon where both name the
// same. Only sensors that are registers of the processor or its chip are asked: reading one that hangs on a bus may take
// as long as the bus likes.
#ifndef HF_THERMAL_LINUX_H
#define HF_THERMAL_LINUX_H

#include "holdfast/hf_status.h"

#define HF_THERMAL_LINUX_CLASSES "/sys/class"
#define HF_THERMAL_LINUX_SENSORS 64u // of a class that are looked at

typedef struct hf_thermal_linux {
    int fd; // -1: there is no such sensor
} hf_thermal_linux_t;

/// Looks for the sensor in `classes`: HF_THERMAL_LINUX_CLASSES, but in a test. Cost: at most two files opened a sensor.
void hf_thermal_linux_open(hf_thermal_linux_t *thermal, const char *classes);
/// In thousandths of a degree, within -55 and 150 degrees. HF_E_EMPTY: no sensor; HF_E_IO: it does not answer now;
/// HF_E_FORMAT, HF_E_RANGE: what it says is no temperature. `milli_C` is left alone then.
HF_MUST_CHECK int hf_thermal_linux_read(const hf_thermal_linux_t *thermal, int32_t *milli_C);
void hf_thermal_linux_close(hf_thermal_linux_t *thermal);

#endif
