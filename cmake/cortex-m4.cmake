# SPDX-License-Identifier: MIT
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffunction-sections -fdata-sections --specs=picolibc.specs")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os")
# Where images run: an instruction lasts 1,024 ns, so that the board's timers count instructions.
set(HOLDFAST_QEMU_PORT mps2)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M mps2-an386 -display none -serial none -monitor none
    -semihosting-config enable=on,target=native -icount shift=10 -kernel)
