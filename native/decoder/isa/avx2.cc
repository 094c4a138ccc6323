#define MOELAB_ISA avx2
#include "../isa.inl"
