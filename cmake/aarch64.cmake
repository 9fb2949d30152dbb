# SPDX-License-Identifier: MIT
# aarch64 without an operating system. Debian has no C library for that: port/qemu holds the few functions tests need.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-march=armv8.1-a -mgeneral-regs-only -mno-outline-atomics -fno-pic -fno-stack-protector -ffreestanding -ffunction-sections -fdata-sections -isystem ${CMAKE_CURRENT_LIST_DIR}/../port/qemu/include")
set(CMAKE_ASM_FLAGS_INIT "-march=armv8.1-a")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os")
set(HOLDFAST_QEMU_PORT virt-a64)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-aarch64 -M virt -cpu max -display none -serial none -monitor none
    -semihosting-config enable=on,target=native -icount shift=10 -kernel)
