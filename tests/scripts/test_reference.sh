#!/bin/sh
# SPDX-License-Identifier: MIT
# The reference of the public headers is made without a warning, and holds what it should.
set -eu
command -v doxygen >/dev/null || { echo "doxygen is missing"; exit 1; }
mkdir -p build
doxygen docs/Doxyfile || { echo "doxygen warned (see above)"; exit 1; }
for name in hf_pool_take hf_mem_take hf_region_take hf_event_post hf_critical_enter evse_init evse_store_begin evse_ocpp_poll evse_smart_limit_t; do
    grep -rqs "$name" build/reference/html || { echo "$name is not in the reference"; exit 1; }
done
