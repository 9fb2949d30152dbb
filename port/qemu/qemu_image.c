// SPDX-License-Identifier: MIT
// The part of an image that all boards share: semihosting (the debugger's interface, which QEMU plays), standard output
// by line, the seams of the runtime. Owns the line that is being written. Not for interrupts.
#include "qemu_image.h"

#include "holdfast/hf_mutex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SYS_WRITE0        0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT  0x20026u

#undef putchar // a macro of some C libraries, and compilers call the function

int main(int argc, char **argv);

static void semihost(uintptr_t operation, const void *argument)
{
#if defined(__arm__)
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
#elif defined(__riscv)
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    // The two shifts around it tell the debugger; all three uncompressed and within one page.
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
#elif defined(__aarch64__)
    register uintptr_t x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;
    __asm__ volatile("hlt 0xF000" : "+r"(x0) : "r"(x1) : "memory");
#else
#error "semihosting of this processor is not known here"
#endif
}

static struct {
    char text[120];
    size_t length;
} line;

static void flush(void)
{
    line.text[line.length] = '\0';
    line.length = 0;
    semihost(SYS_WRITE0, line.text);
}

int putchar(int c)
{
    line.text[line.length++] = (char)c;
    if (c == '\n' || line.length == sizeof line.text - 1u) {
        flush();
    }
    return c;
}

int puts(const char *text)
{
    while (*text != '\0') {
        (void)putchar(*text++);
    }
    return putchar('\n');
}

static void put_number(unsigned long long value, bool negative, unsigned base, int width, char pad)
{
    char digits[24];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative) {
        digits[count++] = '-';
    }
    while (width-- > count) {
        (void)putchar(pad);
    }
    while (count > 0) {
        (void)putchar(digits[--count]);
    }
}

static void put_text(const char *text, int width, int most)
{
    int length = 0;
    text = text == NULL ? "(null)" : text;
    while (text[length] != '\0' && length != most) {
        length++;
    }
    for (int i = 0; i < length; i++) {
        (void)putchar(text[i]);
    }
    while (width-- > length) {
        (void)putchar(' ');
    }
}

static unsigned long long unsigned_of(va_list *args, int longs)
{
    return longs > 1    ? va_arg(*args, unsigned long long)
           : longs == 1 ? va_arg(*args, unsigned long)
                        : va_arg(*args, unsigned);
}

static long long signed_of(va_list *args, int longs)
{
    return longs > 1    ? va_arg(*args, long long)
           : longs == 1 ? va_arg(*args, long)
                        : va_arg(*args, int);
}

static void put_conversion(char conversion, va_list *args, int longs, int width, int most, char pad)
{
    long long value;
    switch (conversion) {
    case 'd':
    case 'i':
        value = signed_of(args, longs);
        put_number(value < 0 ? 0ull - (unsigned long long)value : (unsigned long long)value,
                   value < 0, 10, width, pad);
        break;
    case 'u':
        put_number(unsigned_of(args, longs), false, 10, width, pad);
        break;
    case 'x':
        put_number(unsigned_of(args, longs), false, 16, width, pad);
        break;
    case 'p':
        put_number((uintptr_t)va_arg(*args, void *), false, 16, width, pad);
        break;
    case 'c':
        (void)putchar(va_arg(*args, int));
        break;
    case 's':
        put_text(va_arg(*args, const char *), width, most);
        break;
    default: // seen in the output, never swallowed
        (void)putchar('%');
        (void)putchar(conversion);
        break;
    }
}

static int number_of(const char **format, va_list *args, int otherwise)
{
    if (**format == '*') {
        (*format)++;
        return va_arg(*args, int);
    }
    if (**format < '0' || **format > '9') {
        return otherwise;
    }
    int value = 0;
    while (**format >= '0' && **format <= '9') {
        value = value * 10 + (*(*format)++ - '0');
    }
    return value;
}

// Integers, text and characters with width; as much as the tests' messages use.
int printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    while (*format != '\0') {
        if (*format != '%') {
            (void)putchar(*format++);
            continue;
        }
        format++;
        const char pad = *format == '0' ? '0' : ' ';
        format += *format == '-' ? 1 : 0;
        int width = number_of(&format, &args, 0), most = -1, longs = 0;
        if (*format == '.') {
            format++;
            most = number_of(&format, &args, 0);
        }
        for (; *format == 'l' || *format == 'z' || *format == 'h'; format++) {
            longs += *format == 'h' ? 0 : 1;
        }
        put_conversion(*format, &args, longs, width, most, pad);
        format += *format == '\0' ? 0 : 1;
    }
    va_end(args);
    return 0;
}

_Noreturn void qemu_exit(int status)
{
    const uintptr_t block[2] = {APPLICATION_EXIT, (uintptr_t)status};
    flush();
    for (;;) {
        semihost(SYS_EXIT_EXTENDED, block);
    }
}

_Noreturn void qemu_main(void)
{
    qemu_exit(main(0, NULL));
}

_Noreturn void qemu_fault(void)
{
    (void)puts("unexpected exception");
    qemu_exit(70);
}

_Noreturn void hf_port_assert_failed(const char *file, int number)
{
    (void)printf("assertion failed: %s:%d\n", file, number);
    qemu_exit(71);
}

// One task and no interrupt takes a lock: one that is taken stays taken while we wait.
int hf_port_mutex_init(uint64_t *words)
{
    words[0] = 0;
    return HF_OK;
}

int hf_port_mutex_take(uint64_t *words, uint32_t bound_us)
{
    (void)bound_us;
    if (words[0] != 0) {
        return HF_E_TIMEOUT;
    }
    words[0] = 1;
    return HF_OK;
}

void hf_port_mutex_give(uint64_t *words)
{
    words[0] = 0;
}
