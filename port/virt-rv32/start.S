# SPDX-License-Identifier: MIT
# Start-up of an rv32imc image: stack, .bss, the trap vector, and the exact count of a call.
    .section .text.start, "ax"
    .global image_start
image_start:
    la sp, image_stack_top
    .option push
    .option norelax
    la gp, image_global_pointer
    .option pop
    la t0, image_bss_start
    la t1, image_bss_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  la t0, image_trap
    csrw mtvec, t0
    call qemu_main

    .text
    .balign 4
image_trap: # what a C function may change, and the mask stays as mret restores it
    addi sp, sp, -64
    sw ra, 0(sp)
    sw t0, 4(sp)
    sw t1, 8(sp)
    sw t2, 12(sp)
    sw t3, 16(sp)
    sw t4, 20(sp)
    sw t5, 24(sp)
    sw t6, 28(sp)
    sw a0, 32(sp)
    sw a1, 36(sp)
    sw a2, 40(sp)
    sw a3, 44(sp)
    sw a4, 48(sp)
    sw a5, 52(sp)
    sw a6, 56(sp)
    sw a7, 60(sp)
    csrr a0, mcause
    call image_trap_handler
    lw ra, 0(sp)
    lw t0, 4(sp)
    lw t1, 8(sp)
    lw t2, 12(sp)
    lw t3, 16(sp)
    lw t4, 20(sp)
    lw t5, 24(sp)
    lw t6, 28(sp)
    lw a0, 32(sp)
    lw a1, 36(sp)
    lw a2, 40(sp)
    lw a3, 44(sp)
    lw a4, 48(sp)
    lw a5, 52(sp)
    lw a6, 56(sp)
    lw a7, 60(sp)
    addi sp, sp, 64
    mret

# uint32_t image_time_call(call, const uintptr_t argument[3], uintptr_t *out): see start.c of port/mps2
    .global image_time_call
image_time_call:
    addi sp, sp, -16
    sw ra, 0(sp)
    sw s0, 4(sp)
    sw s1, 8(sp)
    mv s1, a2
    mv t0, a0
    mv t1, a1
    lw a0, 0(t1)
    lw a1, 4(t1)
    lw a2, 8(t1)
    csrr s0, minstret
    jalr t0
    csrr t0, minstret
    sw a0, 0(s1)
    sub a0, t0, s0
    lw ra, 0(sp)
    lw s0, 4(sp)
    lw s1, 8(sp)
    addi sp, sp, 16
    ret

    .global image_nothing
image_nothing:
    ret
