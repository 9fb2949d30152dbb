// SPDX-License-Identifier: MIT
// The parts of Linux' transfers that need no server: SHA-256 against published vectors, and what a location may be and
// becomes. The transfers themselves: tests/interop/transfer.mjs.
#include "hf_test.h"
#include "port/linux/transfer_sha256.h"
#include "port/linux/transfer_url.h"

#include <string.h>

static void hash(const char *text, size_t piece, char hex[65])
{
    uint8_t digest[TRANSFER_SHA256_BYTES];
    transfer_sha256_t state;
    transfer_sha256_init(&state);
    for (size_t at = 0, length = strlen(text); at < length; at += piece) {
        transfer_sha256_add(&state, text + at, length - at < piece ? length - at : piece);
    }
    transfer_sha256_end(&state, digest);
    for (unsigned i = 0; i < TRANSFER_SHA256_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

static void sha256_vectors_of_the_standard(void) // FIPS 180-4, examples of NIST
{
    static const char *const vectors[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    char hex[65];
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        for (size_t piece = 1; piece <= 130; piece += 43) {
            hash(vectors[i][0], piece, hex);
            CHECK_STR(hex, vectors[i][1]);
        }
    }
}

static void sha256_a_million_letters(void)
{
    uint8_t digest[TRANSFER_SHA256_BYTES];
    char piece[1000];
    transfer_sha256_t state;
    memset(piece, 'a', sizeof piece);
    transfer_sha256_init(&state);
    for (unsigned i = 0; i < 1000; i++) {
        transfer_sha256_add(&state, piece, sizeof piece);
    }
    transfer_sha256_end(&state, digest);
    static const uint8_t expected[] = {0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14, 0xfb, 0x92,
                                       0x81, 0xa1, 0xc7, 0xe2, 0x84, 0xd7, 0x3e, 0x67};
    CHECK_EQ(memcmp(digest, expected, sizeof expected), 0);
}

static void sha256_every_length_around_a_block_ends_well(void)
{
    // Of i letters 'a', hashed in one piece and letter by letter.
    char text[200], one[65], many[65];
    for (unsigned i = 0; i < sizeof text - 1; i++) {
        memset(text, 'a', i);
        text[i] = '\0';
        hash(text, sizeof text, one);
        hash(text, 1, many);
        CHECK_STR(one, many);
    }
}

static void url_schemes_are_four(void)
{
    static const struct {
        const char *url;
        int status;
        transfer_scheme_t scheme;
    } cases[] = {
        {"http://h/f", HF_OK, TRANSFER_HTTP},
        {"HTTPS://h", HF_OK, TRANSFER_HTTPS},
        {"ftp://u:p@h:21/f", HF_OK, TRANSFER_FTP},
        {"ftps://[::1]/f", HF_OK, TRANSFER_FTPS},
        {"sftp://h/f", HF_E_UNSUPPORTED, 0},
        {"file:///etc/passwd", HF_E_FORMAT, 0},
        {"file://h/etc/passwd", HF_E_UNSUPPORTED, 0},
        {"httpx://h", HF_E_UNSUPPORTED, 0},
        {"htt://h", HF_E_UNSUPPORTED, 0},
        {"h/f", HF_E_FORMAT, 0},
        {"", HF_E_FORMAT, 0},
        {"://h", HF_E_FORMAT, 0},
        {"http://", HF_E_FORMAT, 0},
        {"http:///f", HF_E_FORMAT, 0},
        {"http://?q", HF_E_FORMAT, 0},
        {"http://h/a b", HF_E_FORMAT, 0},
        {"http://h/a\r\nHost: x", HF_E_FORMAT, 0},
        {"http://h/\xc3\xa4", HF_E_FORMAT, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        transfer_scheme_t scheme = TRANSFER_SCHEMES;
        int status = transfer_url_scheme(cases[i].url, &scheme);
        if (status != cases[i].status || (status == HF_OK && scheme != cases[i].scheme)) {
            HF_TEST_FAIL("%s: %s, scheme %d", cases[i].url, hf_status_text(status), (int)scheme);
        }
    }
}

static void url_upload_becomes_a_file(void)
{
    static const char *const cases[][2] = {
        {"http://h/folder/", "http://h/folder/n.txt"},
        {"http://h/file", "http://h/file"},
        {"https://h/put/?sign=a/", "https://h/put/?sign=a/"},
        {"http://h", "http://h/n.txt"},
        {"https://h/put?sign=a", "https://h/put?sign=a"},
        {"ftp://h", "ftp://h/n.txt"},
        {"ftp://h.example", "ftp://h.example/n.txt"},
        {"ftp://h/", "ftp://h/n.txt"},
        {"ftp://h/logs", "ftp://h/logs/n.txt"},
        {"ftp://h/v1.2/logs", "ftp://h/v1.2/logs/n.txt"},
        {"ftp://h/logs/mine.txt", "ftp://h/logs/mine.txt"},
        {"ftps://u:p@h:990/logs/", "ftps://u:p@h:990/logs/n.txt"},
    };
    char target[64];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ(transfer_url_target(cases[i][0], "n.txt", target, sizeof target), 0);
        CHECK_STR(target, cases[i][1]);
    }
    CHECK_EQ(transfer_url_target("http://h/folder/", "n.txt", target, 21), HF_E_TOO_LONG);
    CHECK_EQ(transfer_url_target("http://h/folder/", "n.txt", target, 22), HF_OK);
    CHECK_EQ(transfer_url_target("sftp://h/", "n.txt", target, sizeof target), HF_E_UNSUPPORTED);
}

HF_TEST_MAIN(HF_TEST(sha256_vectors_of_the_standard), HF_TEST(sha256_a_million_letters),
             HF_TEST(sha256_every_length_around_a_block_ends_well), HF_TEST(url_schemes_are_four),
             HF_TEST(url_upload_becomes_a_file))
