# SPDX-License-Identifier: MIT
# Code for the Cortex-M0 (no atomic read-modify-write, no CLZ); images run on the Cortex-M4 board, which executes it too.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m0)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m0 -mthumb -ffunction-sections -fdata-sections --specs=picolibc.specs")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os")
set(HOLDFAST_QEMU_PORT mps2)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M mps2-an386 -display none -serial none -monitor none
    -semihosting-config enable=on,target=native -icount shift=10 -kernel)
