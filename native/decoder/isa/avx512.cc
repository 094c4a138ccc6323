#define MOELAB_ISA avx512
#include "../isa.inl"
