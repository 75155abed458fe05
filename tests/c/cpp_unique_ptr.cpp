// Handles in the hands of C++: each freed once, by its owner, also when an exception flies.
#include <memory>
#include <stdexcept>
#include <string>

#include "check.h"

template <auto Free> struct Freed {
    template <class Handle> void operator()(Handle *handle) const { Free(handle); }
};

using Masker = std::unique_ptr<slw_masker, Freed<slw_masker_free>>;
using Error = std::unique_ptr<slw_error, Freed<slw_error_free>>;

static Masker make() {
    slw_masker *masker = nullptr;
    if (slw_masker_new(&masker, nullptr) != SLW_OK) {
        throw std::bad_alloc();
    }
    return Masker(masker);
}

static std::string mask(const Masker &masker, const std::string &text) {
    std::string out(slw_masker_bound(masker.get(), text.size()), '\0');
    size_t consumed = 0, written = 0;
    slw_error *error = nullptr;
    auto *to = reinterpret_cast<uint8_t *>(&out[0]);
    if (slw_masker_push(masker.get(), check_bytes(text.data()), text.size(), &consumed, to, out.size(), &written, &error)) {
        Error owned(error);
        throw std::runtime_error(slw_error_message(owned.get(), nullptr));
    }
    out.resize(written);
    return out;
}

int main() {
    Masker masker = make();
    CHECK_OK(slw_masker_add_secret(masker.get(), check_bytes("hunter2"), 7, nullptr));
    CHECK(mask(masker, "a hunter2 b") == "a ***** b");
    Masker moved = std::move(masker);
    try {
        mask(masker, "x");
        return 1;
    } catch (const std::runtime_error &error) {
        CHECK(std::string(error.what()) == "slw_masker is NULL");
    }
    return 0;
}
