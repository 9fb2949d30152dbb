// SPDX-License-Identifier: MIT
// Build configuration: the values come from Kconfig (hf_autoconf.h, generated); this header gives every symbol that
// Kconfig left out its meaning "off", and refuses values out of range. The Kconfig tree states unit, range and cost.
#ifndef HF_CONFIG_H
#define HF_CONFIG_H

#include "hf_autoconf.h"

#endif
