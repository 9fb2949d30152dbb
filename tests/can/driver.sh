#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest: the driver's tests. driver.sh PROGRAM
exec "$1"
