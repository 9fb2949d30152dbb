# SPDX-License-Identifier: MIT
# RISC-V without the atomic extension; QEMU's processor lacks it as well, so that nothing uses it by mistake.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR rv32imc)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-march=rv32imc -misa-spec=2.2 -mabi=ilp32 -ffunction-sections -fdata-sections --specs=picolibc.specs")
set(CMAKE_ASM_FLAGS_INIT "-march=rv32imc -misa-spec=2.2 -mabi=ilp32")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os")
set(HOLDFAST_QEMU_PORT virt-rv32)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-riscv32 -M virt -cpu rv32,a=false,f=false,d=false,h=false -bios none
    -display none -serial none -monitor none -semihosting-config enable=on,target=native -icount shift=10 -kernel)
