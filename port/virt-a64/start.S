// SPDX-License-Identifier: MIT
// Start-up of an aarch64 image at EL1: stack, .bss, the exception vectors, and the exact count of a call.
    .section .text.start, "ax"
    .global image_start
image_start:
    ldr x0, =image_stack_top
    mov sp, x0
    ldr x0, =image_vectors
    msr vbar_el1, x0
    ldr x0, =image_bss_start
    ldr x1, =image_bss_end
1:  cmp x0, x1
    b.hs 2f
    str xzr, [x0], #8
    b 1b
2:  bl image_memory_on
    bl qemu_main

    .text
    .balign 2048
image_vectors: // only an interrupt of the current level with its own stack pointer is expected
    .rept 5
    .balign 128
    b qemu_fault
    .endr
    .balign 128
    b image_interrupt
    .rept 10
    .balign 128
    b qemu_fault
    .endr

    .balign 4
image_interrupt: // what a C function may change; -mgeneral-regs-only
    sub sp, sp, #176
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x29, [sp, #144]
    str x30, [sp, #160]
    bl image_interrupt_handler
    ldp x0, x1, [sp, #0]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x29, [sp, #144]
    ldr x30, [sp, #160]
    add sp, sp, #176
    eret

// uint64_t image_time_call(call, const uintptr_t argument[3], uintptr_t *out): see start.c of port/mps2
    .global image_time_call
image_time_call:
    stp x29, x30, [sp, #-32]!
    stp x19, x20, [sp, #16]
    mov x20, x2
    mov x9, x0
    mov x3, x1
    ldp x0, x1, [x3]
    ldr x2, [x3, #16]
    mrs x19, cntvct_el0
    blr x9
    mrs x9, cntvct_el0
    str x0, [x20]
    sub x0, x9, x19
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #32
    ret

    .global image_nothing
image_nothing:
    ret
