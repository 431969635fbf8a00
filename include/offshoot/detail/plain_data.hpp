/// Whether a type is plain old data by the rules of the ABI, which trait no library has. Odd about
/// it: g++ packs such members and, with a warning that only system headers escape, no others.
#pragma once
#pragma GCC system_header

namespace offshoot::detail {

#if defined(__GNUC__) && !defined(__clang__)
template <class T>
struct [[gnu::packed]] behind_a_byte {
  char before;
  T object;
  behind_a_byte() = delete;
};

/// True of a class without bases, references and constructors of its own, all of whose members are
/// so too; closures included. None of them is an optional or a variant.
template <class T>
inline constexpr bool is_plain_data = sizeof(behind_a_byte<T>) == sizeof(T) + 1;
#else
template <class T>
inline constexpr bool is_plain_data = false;  // not known
#endif

}  // namespace offshoot::detail
