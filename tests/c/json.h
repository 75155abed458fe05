/* Reads the JSON of the vectors: enough of it for a test, and no more. A value is where it begins in the text. */
#ifndef SLW_JSON_H
#define SLW_JSON_H

#include "check.h"

static inline const char *json_blank(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') {
        at++;
    }
    return at;
}

/* Behind a value. */
static inline const char *json_skip(const char *at) {
    at = json_blank(at);
    if (*at == '"') {
        for (at++; *at != '"'; at++) {
            CHECK(*at != '\0');
            if (*at == '\\') {
                at++;
            }
        }
        return at + 1;
    }
    if (*at == '{' || *at == '[') {
        int depth = 0;
        do {
            CHECK(*at != '\0');
            if (*at == '"') {
                at = json_skip(at);
                continue;
            }
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
        } while (depth > 0);
        return at;
    }
    while (*at != ',' && *at != '}' && *at != ']' && *at != '\0' && *at != ' ' && *at != '\n') {
        at++;
    }
    return at;
}

/* The first element or member of a value that has some; NULL when there is none. */
static inline const char *json_first(const char *value) {
    value = json_blank(value);
    CHECK(*value == '{' || *value == '[');
    value = json_blank(value + 1);
    return *value == '}' || *value == ']' ? NULL : value;
}

/* The one behind; of an object, `at` is a member's value. */
static inline const char *json_next(const char *at) {
    at = json_blank(json_skip(at));
    return *at == ',' ? json_blank(at + 1) : NULL;
}

/* The value of a member of which `at` is the name. */
static inline const char *json_value(const char *at) {
    at = json_blank(json_skip(at));
    CHECK(*at == ':');
    return json_blank(at + 1);
}

/* A character in UTF-8: all but its last byte at `to`, and how many those are. */
static inline size_t json_utf8(unsigned long code, char *to, char *last) {
    if (code < 0x80) {
        *last = TO(char, code);
        return 0;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned long first[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = TO(char, TO(unsigned char, first[more] | (code >> (6 * more))));
    for (size_t at = 1; at < more; at++) {
        to[at] = TO(char, TO(unsigned char, 0x80 | ((code >> (6 * (more - at))) & 0x3f)));
    }
    *last = TO(char, TO(unsigned char, 0x80 | (code & 0x3f)));
    return more;
}

/* A text, to be freed; with its length. */
static inline char *json_text(const char *value, size_t *len) {
    value = json_blank(value);
    CHECK(*value == '"');
    char *text = TO(char *, check_alloc(TO(size_t, json_skip(value) - value)));
    *len = 0;
    for (value++; *value != '"'; value++) {
        char byte = *value;
        if (byte == '\\') {
            value++;
            switch (*value) {
            case 'n': byte = '\n'; break;
            case 't': byte = '\t'; break;
            case 'r': byte = '\r'; break;
            case 'b': byte = '\b'; break;
            case 'f': byte = '\f'; break;
            case 'u': {
                char digits[5] = {value[1], value[2], value[3], value[4], 0};
                unsigned long code = strtoul(digits, NULL, 16);
                value += 4;
                if (code >= 0xd800 && code < 0xdc00) {
                    CHECK(value[1] == '\\' && value[2] == 'u');
                    char more[5] = {value[3], value[4], value[5], value[6], 0};
                    code = 0x10000 + ((code - 0xd800) << 10) + (strtoul(more, NULL, 16) - 0xdc00);
                    value += 6;
                }
                *len += json_utf8(code, text + *len, &byte);
                break;
            }
            default: byte = *value;
            }
        }
        text[(*len)++] = byte;
    }
    text[*len] = '\0';
    return text;
}

/* The value of a member; NULL when there is none of that name. */
static inline const char *json_get(const char *object, const char *name) {
    for (const char *at = json_first(object); at != NULL;) {
        size_t len = 0;
        char *found = json_text(at, &len);
        int same = strcmp(found, name) == 0;
        free(found);
        const char *value = json_value(at);
        if (same) {
            return value;
        }
        at = json_next(value);
    }
    return NULL;
}

static inline int json_digit(char letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* Bytes that stand in base64 in a text, to be freed. */
static inline uint8_t *json_base64(const char *value, size_t *len) {
    size_t text_len = 0;
    char *text = json_text(value, &text_len);
    uint8_t *bytes = TO(uint8_t *, check_alloc(text_len));
    uint32_t bits = 0;
    int count = 0;
    *len = 0;
    for (size_t at = 0; at < text_len && text[at] != '='; at++) {
        int digit = json_digit(text[at]);
        CHECK(digit >= 0);
        bits = bits << 6 | TO(uint32_t, digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[(*len)++] = TO(uint8_t, bits >> count & 0xff);
        }
    }
    free(text);
    return bytes;
}

#endif
